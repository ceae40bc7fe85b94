#pragma once
// Finds KV blocks that were computed before for the same leading tokens on the same policy version.

#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"
#include "rollout/block_manager.hpp"

namespace clawrl {

/// Only full blocks are known. An entry is named by a number that is never used twice and holds its tokens and its
/// parent's name, so equal name = equal version and equal tokens from position 0 on: a collision of the hash costs a
/// comparison, never a wrong hit. Blocks that no sequence references are evicted least recently used first, the tail of
/// a chain before its head. Sequences give all their blocks back through release(). Not thread-safe.
class PrefixCache {
 public:
  using Hash = std::uint64_t (*)(std::int64_t version, std::uint64_t parent, std::span<const TokenId> tokens);
  static std::uint64_t chain_hash(std::int64_t version, std::uint64_t parent, std::span<const TokenId> tokens);

  explicit PrefixCache(BlockManager& blocks, Hash hash = chain_hash);

  struct Match {
    std::vector<std::int32_t> blocks;  // in order from position 0, one reference each taken for the caller
    std::uint64_t prefix = 0;          // name of the chain; 0 = nothing found
  };
  /// The longest known chain for the leading tokens that leaves at least one token to be computed.
  Match match(std::int64_t version, std::span<const TokenId> tokens);

  /// Makes a computed, referenced, full block known. `parent` = name of the chain before it (0 at position 0).
  /// Returns the chain's new name; if another block is known for it already, that one stays.
  std::uint64_t insert(std::int64_t version, std::uint64_t parent, std::span<const TokenId> tokens, std::int32_t block);

  /// Gives one reference of each block back.
  void release(std::span<const std::int32_t> blocks);
  /// Frees idle blocks until at least `count` are free. False if there are not enough of them.
  bool make_room(std::int32_t count);
  /// Forgets all of one version: its idle blocks are free at once, used ones when their sequences end.
  void drop_version(std::int64_t version);

  std::int64_t evictions() const { return evictions_; }
  std::int32_t size() const { return static_cast<std::int32_t>(index_.size()); }

 private:
  struct Entry {
    std::uint64_t name = 0;  // 0 = the block is not known
    std::uint64_t parent = 0;
    std::int64_t version = 0;
    std::uint64_t hash = 0;
    std::vector<TokenId> tokens;  // [block_size]
    std::list<std::int32_t>::iterator idle;
    bool is_idle = false;
  };
  Entry* find(std::int64_t version, std::uint64_t parent, std::span<const TokenId> tokens, std::uint64_t hash);
  void forget(std::int32_t block);

  BlockManager& blocks_;
  Hash hash_;
  std::vector<Entry> entries_;                                  // [num_blocks]
  std::unordered_multimap<std::uint64_t, std::int32_t> index_;  // hash -> block
  std::list<std::int32_t> idle_;                                // front = evicted next
  std::uint64_t next_name_ = 1;
  std::int64_t evictions_ = 0;
};

}  // namespace clawrl
