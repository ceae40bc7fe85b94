#pragma once
// A block of memory that the ranks of one node share: one of them fills it, all read it.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "comm/communicator.hpp"

namespace clawrl {

/// Read-only once it is made: writing to it ends the process with a fault. It has no name in any file system and goes
/// with the last process that maps it, however that ends.
class NodeMemory {
 public:
  /// Takes over a mapping.
  NodeMemory(void* mapping, std::size_t bytes, bool shared) : mapping_(mapping), bytes_(bytes), shared_(shared) {}
  ~NodeMemory();
  NodeMemory(const NodeMemory&) = delete;
  NodeMemory& operator=(const NodeMemory&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(mapping_), bytes_}; }
  bool shared() const { return shared_; }  // false: this rank has the memory for itself

 private:
  void* mapping_;
  std::size_t bytes_;
  bool shared_;
};

using FillMemory = std::function<void(std::span<std::byte>)>;  // gets zeros

/// Memory of this process alone, page aligned. Throws UserError when there is not enough.
std::shared_ptr<const NodeMemory> make_private_memory(std::size_t bytes, const FillMemory& fill);

/// Collective over `communicator`, on the thread that owns MPI, while nothing else is said on it. All ranks of a node
/// with `wanted` get the same memory of `bytes` (> 0, equal on them), which one of them fills; the others wait without
/// using the processor. Ranks without `wanted` get nullptr and do not wait. What `fill` throws is thrown on every rank
/// of that node as UserError, and so is a wait longer than `limit`. A rank that may not open another process's memory
/// says so on stderr and fills its own.
std::shared_ptr<const NodeMemory> make_node_memory(const Communicator& communicator, bool wanted, std::size_t bytes,
                                                   const FillMemory& fill,
                                                   std::chrono::seconds limit = std::chrono::hours(1));

}  // namespace clawrl
