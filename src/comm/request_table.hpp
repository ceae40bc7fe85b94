#pragma once
// The MPI requests in flight, tested together. Used by the thread that drives MPI only.

#include <vector>

#include "comm/mpi_support.hpp"

namespace clawrl {

/// Who is told that a request is complete. `ok` is false when the peer died.
class RequestOwner {
 public:
  virtual ~RequestOwner() = default;
  virtual void completed(void* item, int kind, bool ok) = 0;
};

class RequestTable {
 public:
  void add(MPI_Request request, RequestOwner& owner, void* item, int kind);
  /// Tests all once and tells the owners of the complete ones; true when there was one. Sets `saw_loss` when a request
  /// failed because its peer died; other errors throw MpiError.
  bool poll(bool& saw_loss);
  bool empty() const { return requests_.empty(); }

 private:
  struct Slot {
    RequestOwner* owner;
    void* item;
    int kind;
    bool ok;
  };
  void remove(int index);

  std::vector<MPI_Request> requests_;
  std::vector<Slot> slots_;  // beside requests_
  std::vector<int> done_;
  std::vector<MPI_Status> statuses_;
  std::vector<Slot> finished_;
};

}  // namespace clawrl
