#pragma once
// Who holds which KV block. Knows numbers only, never tensors.

#include <cstdint>
#include <optional>
#include <vector>

namespace clawrl {

/// Every block is in one of three states and, unless free, belongs to exactly one policy version:
///   free   nobody's
///   used   referenced by one or more sequences
///   idle   referenced by none, kept because the prefix cache knows its content
/// Not thread-safe. Throws InternalError on a broken rule (release of a free block, a reference across versions ...).
class BlockManager {
 public:
  BlockManager(std::int32_t num_blocks, std::int32_t block_size);

  /// A free block with one reference, now of `version`; nullopt when none is free.
  std::optional<std::int32_t> allocate(std::int64_t version);
  /// One more reference to a used or idle block of `version`.
  void retain(std::int32_t block, std::int64_t version);
  /// One reference less. At 0 the block becomes idle if it is kept, else free. Returns the references left.
  std::int32_t release(std::int32_t block);
  /// The prefix cache keeps a used block's content, or lets go of it (an idle block becomes free).
  void keep(std::int32_t block);
  void let_go(std::int32_t block);

  std::int32_t references(std::int32_t block) const { return at(block).references; }
  std::int64_t version(std::int32_t block) const { return at(block).version; }  // of a block that is not free
  std::int32_t block_size() const { return block_size_; }
  std::int32_t total() const { return static_cast<std::int32_t>(blocks_.size()); }
  std::int32_t free() const { return static_cast<std::int32_t>(free_.size()); }
  std::int32_t idle() const { return idle_; }
  std::int32_t used() const { return total() - free() - idle_; }

 private:
  struct Block {
    std::int64_t version = -1;
    std::int32_t references = 0;
    bool kept = false;
  };
  const Block& at(std::int32_t block) const { return blocks_.at(static_cast<std::size_t>(block)); }
  Block& at(std::int32_t block) { return blocks_.at(static_cast<std::size_t>(block)); }
  void make_free(std::int32_t block);

  std::int32_t block_size_;
  std::int32_t idle_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::int32_t> free_;  // used as a stack
};

}  // namespace clawrl
