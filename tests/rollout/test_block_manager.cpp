#include "core/error.hpp"
#include "rollout/block_manager.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("blocks are lent once, counted and given back") {
  BlockManager blocks(3, 4);
  const auto a = blocks.allocate(7).value();
  const auto b = blocks.allocate(7).value();
  const auto c = blocks.allocate(8).value();
  CHECK((a != b && b != c && a != c));
  CHECK_FALSE(blocks.allocate(8));
  CHECK(blocks.version(a) == 7);
  CHECK(blocks.version(c) == 8);
  blocks.retain(a, 7);
  CHECK(blocks.references(a) == 2);
  CHECK(blocks.release(a) == 1);
  CHECK(blocks.used() == 3);
  CHECK(blocks.release(a) == 0);
  CHECK(blocks.free() == 1);
  CHECK(blocks.allocate(9).value() == a);
  CHECK(blocks.version(a) == 9);
}

TEST_CASE("kept blocks are idle, not free, until they are let go") {
  BlockManager blocks(2, 4);
  const auto a = blocks.allocate(1).value();
  blocks.keep(a);
  blocks.release(a);
  CHECK((blocks.idle() == 1 && blocks.free() == 1 && blocks.used() == 0));
  blocks.retain(a, 1);
  CHECK((blocks.idle() == 0 && blocks.used() == 1));
  blocks.let_go(a);
  CHECK(blocks.used() == 1);
  blocks.release(a);
  CHECK((blocks.free() == 2 && blocks.idle() == 0));
}

TEST_CASE("broken rules are internal errors") {
  BlockManager blocks(2, 4);
  CHECK_THROWS_AS(blocks.release(0), InternalError);
  CHECK_THROWS_AS(blocks.retain(0, 1), InternalError);
  CHECK_THROWS_AS(blocks.keep(0), InternalError);
  CHECK_THROWS_AS(blocks.let_go(0), InternalError);
  const auto a = blocks.allocate(1).value();
  CHECK_THROWS_AS(blocks.retain(a, 2), InternalError);  // never across versions
  CHECK_THROWS_AS(BlockManager(0, 4), UserError);
  CHECK_THROWS_AS(BlockManager(4, 0), UserError);
}
