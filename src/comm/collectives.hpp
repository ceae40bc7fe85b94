#pragma once
// Collectives inside one role, behind one interface. All ranks of the group call the same methods in the same order,
// each from one thread at a time; calls block the caller (polling with back-off) but never another thread's MPI use.

#include <cstdint>
#include <memory>
#include <span>

namespace clawrl {

class Collectives {
 public:
  virtual ~Collectives() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// In place; the same bits on every rank, and the same bits for the same inputs.
  virtual void sum(std::span<float> values) = 0;
  virtual void sum(std::span<double> values) = 0;
  virtual void max(std::span<double> values) = 0;
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  virtual void barrier() = 0;
};

/// A group of one: every call is the identity.
std::unique_ptr<Collectives> make_local_collectives();

}  // namespace clawrl
