#include "core/error.hpp"
#include "rollout/prefix_cache.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

using Tokens = std::vector<TokenId>;

std::uint64_t constant_hash(std::int64_t, std::uint64_t, std::span<const TokenId>) {
  return 42;
}

/// Computes and registers all full blocks of `tokens`, then gives them back.
std::vector<std::int32_t> store(BlockManager& blocks, PrefixCache& cache, std::int64_t version, const Tokens& tokens,
                                bool give_back = true) {
  std::vector<std::int32_t> taken;
  std::uint64_t name = 0;
  const auto size = static_cast<std::size_t>(blocks.block_size());
  for (std::size_t begin = 0; begin + size <= tokens.size(); begin += size) {
    cache.make_room(1);
    taken.push_back(blocks.allocate(version).value());
    name = cache.insert(version, name, std::span(tokens).subspan(begin, size), taken.back());
  }
  if (give_back) cache.release(taken);
  return taken;
}

std::size_t hits(PrefixCache& cache, std::int64_t version, const Tokens& tokens) {
  const auto found = cache.match(version, tokens);
  cache.release(found.blocks);
  return found.blocks.size();
}

}  // namespace

TEST_CASE("the longest chain is found, never all of the prompt") {
  BlockManager blocks(8, 2);
  PrefixCache cache(blocks);
  const auto stored = store(blocks, cache, 1, {1, 2, 3, 4, 5, 6});
  CHECK((blocks.used() == 0 && blocks.idle() == 3));
  const auto found = cache.match(1, Tokens{1, 2, 3, 4, 9, 9});
  CHECK(found.blocks == std::vector<std::int32_t>{stored[0], stored[1]});
  CHECK(blocks.used() == 2);
  cache.release(found.blocks);
  CHECK(hits(cache, 1, {1, 2, 3, 4, 5, 6}) == 2);  // the last token is left to be computed
  CHECK(hits(cache, 1, {1, 2, 3, 4, 5, 6, 7}) == 3);
  CHECK(hits(cache, 1, {3, 4, 5, 6, 7}) == 0);  // the same tokens elsewhere are another prefix
  CHECK(hits(cache, 1, {9, 9, 3, 4, 5}) == 0);
  CHECK(hits(cache, 1, {1}) == 0);
}

TEST_CASE("versions never share") {
  BlockManager blocks(8, 2);
  PrefixCache cache(blocks);
  store(blocks, cache, 1, {1, 2, 3, 4});
  CHECK(hits(cache, 2, {1, 2, 3, 4, 5}) == 0);
  store(blocks, cache, 2, {1, 2});
  CHECK(hits(cache, 2, {1, 2, 3, 4, 5}) == 1);
  cache.drop_version(1);
  CHECK(hits(cache, 1, {1, 2, 3, 4, 5}) == 0);
  CHECK(hits(cache, 2, {1, 2, 3, 4, 5}) == 1);
  CHECK((blocks.free() == 7 && blocks.idle() == 1));
}

TEST_CASE("dropping a version leaves used blocks to their sequences") {
  BlockManager blocks(4, 2);
  PrefixCache cache(blocks);
  const auto held = store(blocks, cache, 1, {1, 2, 3, 4}, false);
  cache.drop_version(1);
  CHECK((blocks.used() == 2 && cache.size() == 0));
  cache.release(held);
  CHECK(blocks.free() == 4);
}

TEST_CASE("a hash that always collides changes nothing") {
  BlockManager blocks(16, 2);
  PrefixCache cache(blocks, constant_hash);
  store(blocks, cache, 1, {1, 2, 3, 4});
  store(blocks, cache, 1, {5, 6, 3, 4, 7, 8});
  store(blocks, cache, 2, {1, 2, 7, 8});
  CHECK(hits(cache, 1, {1, 2, 3, 4, 0}) == 2);
  CHECK(hits(cache, 1, {1, 2, 7, 8, 0}) == 1);
  CHECK(hits(cache, 1, {5, 6, 3, 4, 7, 8, 0}) == 3);
  CHECK(hits(cache, 2, {1, 2, 3, 4, 0}) == 1);
  CHECK(hits(cache, 3, {1, 2, 3, 4, 0}) == 0);
  CHECK(cache.match(1, Tokens{1, 2, 0}).blocks != cache.match(2, Tokens{1, 2, 0}).blocks);
}

TEST_CASE("least recently used chains go first, tails before heads, used ones never") {
  BlockManager blocks(6, 2);
  PrefixCache cache(blocks);
  store(blocks, cache, 1, {1, 2, 3, 4});
  store(blocks, cache, 1, {5, 6, 7, 8});
  const auto held = store(blocks, cache, 1, {9, 9}, false);
  CHECK(hits(cache, 1, {1, 2, 3, 4, 0}) == 2);  // touched: now the younger one
  CHECK(cache.make_room(2));                    // one is free already
  CHECK(hits(cache, 1, {5, 6, 7, 8, 0}) == 1);  // its tail went
  CHECK(cache.make_room(4));
  CHECK(cache.evictions() == 3);
  CHECK(hits(cache, 1, {9, 9, 0}) == 1);
  CHECK(cache.make_room(5));
  CHECK_FALSE(cache.make_room(6));  // the held block stays
  CHECK(hits(cache, 1, {9, 9, 0}) == 1);
  cache.release(held);
}

TEST_CASE("a second copy of known content is not registered and is free at once") {
  BlockManager blocks(4, 2);
  PrefixCache cache(blocks);
  const auto first = store(blocks, cache, 1, {1, 2}, false);
  const auto second = blocks.allocate(1).value();
  const auto name = cache.insert(1, 0, Tokens{1, 2}, second);
  CHECK(cache.match(1, Tokens{1, 2, 3}).prefix == name);
  cache.release(std::vector<std::int32_t>{second});
  CHECK(blocks.free() == 3);
  CHECK_THROWS_AS(cache.insert(2, 0, Tokens{1, 2}, first[0]), InternalError);  // block of version 1
  CHECK_THROWS_AS(cache.insert(1, 0, Tokens{1}, first[0]), InternalError);     // not full
}
