#pragma once
// Bytes owned by whoever holds the object, for large raw payloads. Growing leaves new bytes unset, and large blocks are
// kept for the next buffer: clearing memory and faulting in fresh pages would each cost as much as receiving into it.

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace clawrl {

/// Blocks of `pooled_from` bytes and more come from a process-wide pool that keeps at most `pool_bytes` of freed ones.
inline constexpr std::size_t pooled_from = std::size_t{32} << 10;
inline constexpr std::size_t pool_bytes = std::size_t{64} << 20;
void* take_block(std::size_t bytes);
void give_block(void* block, std::size_t bytes) noexcept;

template <class T>
struct BlockAllocator {
  using value_type = T;
  BlockAllocator() = default;
  template <class U>
  BlockAllocator(const BlockAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    return static_cast<T*>(bytes < pooled_from ? ::operator new(bytes) : take_block(bytes));
  }
  void deallocate(T* block, std::size_t count) noexcept {
    const std::size_t bytes = count * sizeof(T);
    bytes < pooled_from ? ::operator delete(block) : give_block(block, bytes);
  }
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }
  template <class U>
  bool operator==(const BlockAllocator<U>&) const noexcept {
    return true;
  }
};

/// Buffer(n) and resize(n) do not clear; Buffer(n, std::byte{0}) does.
using Buffer = std::vector<std::byte, BlockAllocator<std::byte>>;

}  // namespace clawrl
