#include "rollout/block_manager.hpp"

#include "core/error.hpp"

namespace clawrl {

BlockManager::BlockManager(std::int32_t num_blocks, std::int32_t block_size) : block_size_(block_size) {
  require(num_blocks >= 1, "num_blocks: " + std::to_string(num_blocks) + " is not allowed, at least 1 is");
  require(block_size >= 1, "block_size: " + std::to_string(block_size) + " is not allowed, at least 1 is");
  blocks_.resize(static_cast<std::size_t>(num_blocks));
  for (std::int32_t block = num_blocks - 1; block >= 0; --block) free_.push_back(block);
}

std::optional<std::int32_t> BlockManager::allocate(std::int64_t version) {
  if (free_.empty()) return std::nullopt;
  const std::int32_t block = free_.back();
  free_.pop_back();
  at(block) = {version, 1, false};
  return block;
}

void BlockManager::retain(std::int32_t block, std::int64_t version) {
  Block& entry = at(block);
  expect(entry.references > 0 || entry.kept, "KV block " + std::to_string(block) + " is free and cannot be retained");
  expect(entry.version == version, "KV block " + std::to_string(block) + " belongs to version " +
                                       std::to_string(entry.version) + ", not " + std::to_string(version));
  if (entry.references++ == 0) --idle_;
}

std::int32_t BlockManager::release(std::int32_t block) {
  Block& entry = at(block);
  expect(entry.references > 0, "KV block " + std::to_string(block) + " is released more often than it was taken");
  if (--entry.references > 0) return entry.references;
  if (entry.kept) {
    ++idle_;
  } else {
    make_free(block);
  }
  return 0;
}

void BlockManager::keep(std::int32_t block) {
  expect(at(block).references > 0, "KV block " + std::to_string(block) + " is not used, its content cannot be kept");
  at(block).kept = true;
}

void BlockManager::let_go(std::int32_t block) {
  Block& entry = at(block);
  expect(entry.kept, "KV block " + std::to_string(block) + " is not kept");
  entry.kept = false;
  if (entry.references > 0) return;
  --idle_;
  make_free(block);
}

void BlockManager::make_free(std::int32_t block) {
  at(block) = {};
  free_.push_back(block);
}

}  // namespace clawrl
