#include "rollout/prefix_cache.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace clawrl {

namespace {

/// The finalising step of splitmix64.
std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ x >> 31;
}

}  // namespace

std::uint64_t PrefixCache::chain_hash(std::int64_t version, std::uint64_t parent, std::span<const TokenId> tokens) {
  std::uint64_t hash = mixed(static_cast<std::uint64_t>(version) + 0x9E3779B97F4A7C15ULL);
  hash = mixed(hash ^ parent);
  for (auto token : tokens) hash = mixed(hash + 0x9E3779B97F4A7C15ULL + static_cast<std::uint32_t>(token));
  return hash;
}

PrefixCache::PrefixCache(BlockManager& blocks, Hash hash)
    : blocks_(blocks), hash_(hash), entries_(static_cast<std::size_t>(blocks.total())) {}

PrefixCache::Match PrefixCache::match(std::int64_t version, std::span<const TokenId> tokens) {
  Match found;
  const auto size = static_cast<std::size_t>(blocks_.block_size());
  for (std::size_t begin = 0; begin + size < tokens.size(); begin += size) {
    const auto part = tokens.subspan(begin, size);
    Entry* entry = find(version, found.prefix, part, hash_(version, found.prefix, part));
    if (!entry) break;
    const auto block = static_cast<std::int32_t>(entry - entries_.data());
    blocks_.retain(block, version);
    if (entry->is_idle) idle_.erase(entry->idle);
    entry->is_idle = false;
    found.blocks.push_back(block);
    found.prefix = entry->name;
  }
  return found;
}

std::uint64_t PrefixCache::insert(std::int64_t version, std::uint64_t parent, std::span<const TokenId> tokens,
                                  std::int32_t block) {
  expect(tokens.size() == static_cast<std::size_t>(blocks_.block_size()), "prefix cache: only full blocks are kept");
  expect(blocks_.version(block) == version, "prefix cache: block of another version");
  const std::uint64_t hash = hash_(version, parent, tokens);
  if (const Entry* known = find(version, parent, tokens, hash)) return known->name;
  Entry& entry = entries_[static_cast<std::size_t>(block)];
  expect(entry.name == 0, "prefix cache: block " + std::to_string(block) + " is known already");
  blocks_.keep(block);
  entry = {next_name_++, parent, version, hash, {tokens.begin(), tokens.end()}, {}, false};
  index_.emplace(hash, block);
  return entry.name;
}

void PrefixCache::release(std::span<const std::int32_t> blocks) {
  for (std::size_t i = blocks.size(); i-- > 0;) {
    const std::int32_t block = blocks[i];
    if (blocks_.release(block) > 0) continue;
    Entry& entry = entries_[static_cast<std::size_t>(block)];
    if (entry.name == 0) continue;
    entry.idle = idle_.insert(idle_.end(), block);
    entry.is_idle = true;
  }
}

bool PrefixCache::make_room(std::int32_t count) {
  if (blocks_.free() + blocks_.idle() < count) return false;
  while (blocks_.free() < count) {
    forget(idle_.front());
    ++evictions_;
  }
  return true;
}

void PrefixCache::drop_version(std::int64_t version) {
  for (std::int32_t block = 0; block < blocks_.total(); ++block) {
    const Entry& entry = entries_[static_cast<std::size_t>(block)];
    if (entry.name != 0 && entry.version == version) forget(block);
  }
}

PrefixCache::Entry* PrefixCache::find(std::int64_t version, std::uint64_t parent, std::span<const TokenId> tokens,
                                      std::uint64_t hash) {
  const auto [begin, end] = index_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    Entry& entry = entries_[static_cast<std::size_t>(at->second)];
    if (entry.version == version && entry.parent == parent &&
        std::equal(tokens.begin(), tokens.end(), entry.tokens.begin(), entry.tokens.end())) {
      return &entry;
    }
  }
  return nullptr;
}

void PrefixCache::forget(std::int32_t block) {
  Entry& entry = entries_[static_cast<std::size_t>(block)];
  const auto [begin, end] = index_.equal_range(entry.hash);
  index_.erase(std::find_if(begin, end, [&](const auto& pair) { return pair.second == block; }));
  if (entry.is_idle) idle_.erase(entry.idle);
  entry = {};
  blocks_.let_go(block);
}

}  // namespace clawrl
