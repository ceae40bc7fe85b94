// A reward added from outside src/ by one file: a tool's exit code is worth more than an opinion.

#include <cmath>

#include "config/parse.hpp"
#include "core/error.hpp"
#include "judged_turn.hpp"
#include "samples/sample_builder.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Floats = std::vector<float>;

static const RegisterReward exit_code("exit_code", [](const RewardInput& input) -> std::optional<double> {
  for (const auto& message : input.turn.next_state)
    if (message.role == "tool") return message.text.starts_with("exit 0") ? 0.5 : -0.5;
  return reward_verdict(input);
});

static const RegisterReward broken("broken", [](const RewardInput&) { return std::optional<double>(std::nan("")); });

namespace {

SamplesConfig configured(const std::string& reward, std::vector<const char*> more = {}) {
  const JobDescription job{"online_rl", "", {"samples", "prm"}, advantage_names(), {}, reward_names()};
  const std::string setting = "--samples.reward=" + reward;
  std::vector<const char*> arguments = {"online_rl", "--method=binary", setting.c_str()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  RunConfig config;
  std::string help;
  REQUIRE(parse(static_cast<int>(arguments.size()), arguments.data(), job, config, help));
  return config.samples;
}

Turn with_result(const std::string& text) {
  Turn turn = test::answered_turn();
  turn.next_state = {{"tool", text, "", {}, "c1"}};
  return turn;
}

Floats tail(const BuiltSample& built) {
  return {built.sample->advantages.end() - 2, built.sample->advantages.end()};
}

}  // namespace

TEST_CASE("one file and one line of configuration add a reward, beside or instead of the judge's votes") {
  SampleBuilder builder(configured("exit_code", {"--prm.votes=0"}));  // a reward of its own needs no votes
  Verdict unjudged;
  unjudged.turn = {12};
  CHECK(tail(builder.build(with_result("exit 0\nok"), unjudged, 4)) == Floats{0.5F, 0.5F});
  CHECK(tail(builder.build(with_result("exit 1"), unjudged, 4)) == Floats{-0.5F, -0.5F});
  CHECK(builder.build(test::answered_turn(), unjudged, 4).exclusion == "zero_advantage");  // nobody said anything
  CHECK(tail(builder.build(test::answered_turn(), test::hinted_verdict(), 4)) == Floats{-1, -1});
}

TEST_CASE("the running baseline is of the reward") {
  auto settings = configured("exit_code");
  settings.baseline = "running";
  SampleBuilder builder(settings);
  builder.build(with_result("exit 0"), test::hinted_verdict(), 4);
  CHECK(builder.baseline().mean("step/main") == 0);  // the turn's own request is chat: the result came after it
  CHECK(builder.baseline().mean("chat/main") == Approx(0.5));
}

TEST_CASE("a reward that is no number excludes and reaches neither sample nor baseline") {
  auto settings = configured("broken");
  settings.baseline = "running";
  SampleBuilder builder(settings);
  const auto built = builder.build(test::answered_turn(), test::hinted_verdict(), 4);
  CHECK(built.exclusion == "not_finite");
  CHECK_FALSE(built.sample);
  CHECK(builder.baseline().state().empty());
}

TEST_CASE("unknown rewards are refused by the parser and by name; a name is taken once") {
  const JobDescription job{"online_rl", "", {"samples"}, advantage_names(), {}, reward_names()};
  const char* arguments[] = {"online_rl", "--samples.reward=magic"};
  RunConfig config;
  std::string help;
  CHECK_THROWS_WITH(parse(2, arguments, job, config, help), Catch::Contains("magic") && Catch::Contains("exit_code"));
  CHECK_THROWS_WITH(find_reward("magic"), Catch::Contains("verdict"));
  CHECK_THROWS_AS(RegisterReward("verdict", reward_verdict), InternalError);
}
