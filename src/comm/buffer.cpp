#include "comm/buffer.hpp"

#include <array>
#include <bit>
#include <mutex>

namespace clawrl {
namespace {

/// Free blocks by size class (powers of two; what a block has too much is never touched and costs no memory).
class BlockPool {
 public:
  void* take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    std::vector<void*>& blocks = of(size);
    if (blocks.empty()) return nullptr;
    void* block = blocks.back();
    blocks.pop_back();
    bytes_ -= size;
    return block;
  }
  bool keep(void* block, std::size_t size) noexcept {
    const std::lock_guard lock(mutex_);
    if (bytes_ + size > pool_bytes) return false;
    try {
      of(size).push_back(block);
    } catch (const std::bad_alloc&) {
      return false;
    }
    bytes_ += size;
    return true;
  }

 private:
  std::vector<void*>& of(std::size_t size) { return blocks_[static_cast<std::size_t>(std::countr_zero(size))]; }

  std::mutex mutex_;
  std::array<std::vector<void*>, 64> blocks_;
  std::size_t bytes_ = 0;
};

/// Never destroyed: buffers in static objects may outlive everything else.
BlockPool& pool() {
  static auto* const instance = new BlockPool;
  return *instance;
}

}  // namespace

void* take_block(std::size_t bytes) {
  if (bytes > pool_bytes) return ::operator new(bytes);
  const std::size_t size = std::bit_ceil(bytes);
  void* block = pool().take(size);
  return block != nullptr ? block : ::operator new(size);
}

void give_block(void* block, std::size_t bytes) noexcept {
  if (bytes > pool_bytes || !pool().keep(block, std::bit_ceil(bytes))) ::operator delete(block);
}

}  // namespace clawrl
