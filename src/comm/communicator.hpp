#pragma once
// A group of ranks that talk to each other, as a value. Copies share one MPI communicator; the last one frees it.

#include <memory>
#include <vector>

namespace clawrl {

class Communicator {
 public:
  /// The world itself, not owned. MPI must be running; not collective.
  static Communicator borrow_world();
  /// A communicator of its own with the same ranks: its messages never meet another's. Collective over `source`.
  static Communicator own_duplicate(const Communicator& source);
  /// Some ranks of the world, numbered in the order given. Collective over exactly these; throws UserError when the
  /// list is empty, repeats a rank, names one that is not there or lacks the caller.
  static Communicator own_subset(const std::vector<int>& world_ranks);

  int rank() const { return rank_; }
  int size() const { return size_; }

  struct Handle;  // see mpi_support.hpp: only files of comm/ see MPI
  const Handle& handle() const { return *handle_; }

 private:
  explicit Communicator(std::shared_ptr<const Handle> handle);
  std::shared_ptr<const Handle> handle_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace clawrl
