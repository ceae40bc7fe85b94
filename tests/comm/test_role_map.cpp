#include "comm/role_map.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("default proportions") {
  const struct {
    int world;
    const char* description;
  } table[] = {
      {1, "trainer 0, rollout 0, prm 0, head 0"},       {2, "trainer 0, rollout 1, prm 1, head 0"},
      {3, "trainer 0, rollout 1, prm 2, head 0"},       {4, "trainer 0-1, rollout 2, prm 3, head 0"},
      {5, "trainer 0-2, rollout 3, prm 4, head 0"},     {6, "trainer 0-2, rollout 3-4, prm 5, head 0"},
      {8, "trainer 0-3, rollout 4-5, prm 6-7, head 0"}, {16, "trainer 0-7, rollout 8-11, prm 12-15, head 0"},
  };
  for (const auto& [world, description] : table) CHECK(RoleMap::proportional(world).describe() == description);
}

TEST_CASE("every rank of a proportional map plays exactly one role from three ranks on") {
  for (int world = 3; world <= 64; ++world) {
    const RoleMap map = RoleMap::proportional(world);
    for (int rank = 0; rank < world; ++rank) {
      CHECK(map.plays(rank, Role::trainer) + map.plays(rank, Role::rollout) + map.plays(rank, Role::prm) == 1);
    }
    CHECK(map.ranks(Role::trainer).size() >= map.ranks(Role::prm).size());
  }
}

TEST_CASE("groups of several ranks and a dedicated head") {
  RoleMapSettings settings{2, 1, 1, 2, false};
  CHECK(RoleMap(8, settings).describe() == "trainer 0-3, rollout 4-5, prm 6-7, head 0");
  CHECK(RoleMap(2, settings).describe() == "trainer 0-1, rollout 0-1, prm 0-1, head 0");
  CHECK(RoleMap(4, settings).describe() == "trainer 0-1, rollout 2-3, prm 2-3, head 0");
  settings.dedicated_head = true;
  const RoleMap map(9, settings);
  CHECK(map.describe() == "trainer 1-4, rollout 5-6, prm 7-8, head 0");
  CHECK_FALSE((map.plays(0, Role::trainer) || map.plays(0, Role::rollout) || map.plays(0, Role::prm)));
}

TEST_CASE("counts that do not fit are refused by name") {
  const RoleMapSettings defaults;
  for (int world : {0, 3, 4, 7, 9, 16}) CHECK_THROWS_AS(RoleMap(world, defaults), UserError);
  CHECK_THROWS_WITH(RoleMap(7, defaults), Catch::Contains("7 ranks") && Catch::Contains("4 trainers + 2 rollouts"));
  CHECK_THROWS_WITH(RoleMap(7, defaults), Catch::Contains("start 8 ranks"));
  CHECK_THROWS_AS(RoleMap(8, RoleMapSettings{0, 4, 4, 1, false}), UserError);
  CHECK_THROWS_AS(RoleMap(8, RoleMapSettings{4, 2, 2, 0, false}), UserError);
  CHECK_THROWS_AS(RoleMap(1, RoleMapSettings{1, 1, 1, 1, true}), UserError);
  CHECK_THROWS_AS(RoleMap::proportional(0), UserError);
  CHECK_THROWS_AS(RoleMap::proportional(-1), UserError);
}
