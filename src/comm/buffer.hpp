#pragma once
// Bytes owned by whoever holds the object. Growing leaves new bytes unset: a large receive would otherwise pay for
// writing the memory twice.

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace clawrl {

template <class T>
struct UninitializedAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };
  UninitializedAllocator() = default;
  template <class U>
  UninitializedAllocator(const UninitializedAllocator<U>&) noexcept {}
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }
};

/// Buffer(n) and resize(n) do not clear; Buffer(n, std::byte{0}) does.
using Buffer = std::vector<std::byte, UninitializedAllocator<std::byte>>;

}  // namespace clawrl
