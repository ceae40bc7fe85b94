#include "judged_turn.hpp"
#include "samples/reward_groups.hpp"
#include "samples/sample_builder.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

Turn choice(std::int64_t id, const std::string& completion) {
  Turn turn = test::answered_turn();
  turn.id = {id};
  turn.completion_id = completion;
  return turn;
}

Verdict scored(std::int64_t id, std::int8_t score, std::int32_t revision = 0) {
  Verdict verdict;
  verdict.turn = {id};
  verdict.revision = revision;
  verdict.votes = {score};
  verdict.score = score;
  return verdict;
}

const GroupKey of_c = group_of(choice(1, "c"));

}  // namespace

TEST_CASE("a group is of one request and one prompt") {
  CHECK(group_of(choice(2, "c/1")) == of_c);
  CHECK(group_of(choice(2, "c/15")) == of_c);
  CHECK(group_of(choice(2, "c2")) != of_c);
  Turn other = choice(3, "c/2");  // of a list of prompts
  other.prompt.back() += 1;
  CHECK(group_of(other) != of_c);
}

TEST_CASE("a group is released when nothing more is awaited, by id and with the newest verdicts") {
  RewardGroups groups(600);
  CHECK_FALSE(groups.next(0));
  groups.add(choice(2, "c/1"), scored(2, 1), 0);
  CHECK(groups.news());
  CHECK(groups.release(of_c, {}, 0).empty());  // nobody has looked since
  REQUIRE(groups.next(0) == of_c);
  CHECK(groups.news());
  CHECK(groups.release(of_c, {{1}, {2}}, 0).empty());
  CHECK_FALSE(groups.news());
  CHECK_FALSE(groups.next(0.1));
  CHECK(groups.next(1) == of_c);  // the other one may have been excluded
  groups.add(choice(1, "c"), scored(1, -1), 1);
  groups.add(choice(2, "c/1"), scored(2, 0, 1), 1);
  CHECK(groups.waiting() == 2);
  CHECK(groups.release(of_c, {}, 1).empty());  // looked at before the news
  REQUIRE(groups.next(1) == of_c);
  const auto released = groups.release(of_c, {{1}, {2}}, 1);
  REQUIRE(released.size() == 2);
  CHECK(released[0].turn.id == TurnId{1});
  CHECK(released[1].verdict.revision == 1);
  CHECK(groups.waiting() == 0);
  CHECK_FALSE(groups.next(100));
}

TEST_CASE("a group waits so long from its first verdict on") {
  RewardGroups groups(10);
  groups.add(choice(1, "c"), scored(1, 1), 5);
  REQUIRE(groups.next(6));
  groups.add(choice(2, "c/1"), scored(2, 1), 14);
  REQUIRE(groups.next(14.5));
  CHECK(groups.release(of_c, {{3}}, 14.5).empty());
  REQUIRE(groups.next(15.5));
  CHECK(groups.release(of_c, {{3}}, 15.5).size() == 2);

  RewardGroups hasty(0);
  hasty.add(choice(1, "c"), scored(1, 1), 5);
  REQUIRE(hasty.next(5));
  CHECK(hasty.release(of_c, {{2}}, 5).size() == 1);
}

TEST_CASE("what is dropped no longer waits, and the group is looked at again") {
  RewardGroups groups(600);
  groups.add(choice(1, "c"), scored(1, 1), 0);
  groups.add(choice(2, "c/1"), scored(2, 1), 0);
  REQUIRE(groups.next(0));
  CHECK(groups.release(of_c, {{3}}, 0).empty());
  groups.drop({7});
  CHECK_FALSE(groups.news());
  groups.drop({2});
  CHECK(groups.news());
  CHECK(groups.waiting() == 1);
  REQUIRE(groups.next(0));
  CHECK(groups.release(of_c, {{2}}, 0).empty());
  groups.drop({1});
  CHECK_FALSE(groups.next(100));
}

TEST_CASE("too many turns: the group that has waited longest goes as it is") {
  RewardGroups groups(1e6);
  const auto most = static_cast<std::int64_t>(RewardGroups::most_turns);
  for (std::int64_t id = 0; id < most; ++id) {
    const std::string completion = "c" + std::to_string(id);
    groups.add(choice(id, completion), scored(id, 1), static_cast<double>(id));
    const auto group = groups.next(static_cast<double>(id));
    REQUIRE(group);
    CHECK(groups.release(*group, {{-1}}, static_cast<double>(id)).empty());
  }
  CHECK_FALSE(groups.news());
  groups.add(choice(most, "last"), scored(most, 1), 1e4);
  const GroupKey oldest = group_of(choice(0, "c0"));
  std::size_t released = 0;
  for (int look = 0; look < 2; ++look) {
    const auto group = groups.next(1e4);
    REQUIRE(group);
    const auto turns = groups.release(*group, {{-1}}, 1e4);
    if (!turns.empty()) CHECK(*group == oldest);
    released += turns.size();
  }
  CHECK(released == 1);
  CHECK(groups.waiting() == RewardGroups::most_turns);
}

TEST_CASE("the builder measures a reward against its group, 0 like any other") {
  SamplesConfig settings;
  settings.method = "binary";
  settings.baseline = "group";
  SampleBuilder builder(settings);
  const std::vector<double> rewards = {1, 0};
  const auto moments = group_moments(rewards);
  for (std::int8_t reward : {std::int8_t{1}, std::int8_t{0}}) {
    const auto built = builder.build(choice(12, "c"), scored(12, reward), 4, "main", moments);
    CHECK(built.exclusion.empty());
    const double wanted = group_advantages(rewards)[reward == 1 ? 0 : 1];
    CHECK(std::abs(wanted) == Approx(std::sqrt(0.5)).epsilon(1e-5));
    CHECK(built.sample->advantages.back() == static_cast<float>(wanted));
  }
  const std::vector<double> equal = {0.1, 0.1, 0.1};
  CHECK(group_moments(equal).advantage(0.1) == 0);
  CHECK(group_moments({}).advantage(0) == 0);
  Verdict silent = scored(12, 0);
  silent.votes = {std::nullopt};  // no opinion: no term
  CHECK(builder.build(choice(12, "c"), silent, 4, "main", moments).exclusion == "zero_advantage");
  CHECK(builder.baseline().state().empty());  // the running baseline hears of no group
  builder.build(choice(12, "c"), scored(12, 1), 4);
  const auto alone = builder.build(choice(12, "c"), scored(12, -1), 4);
  CHECK(alone.sample->advantages.back() == -2);  // without a group: the running baseline
}
