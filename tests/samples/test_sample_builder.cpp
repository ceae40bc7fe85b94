#include <cmath>

#include "core/error.hpp"
#include "judged_turn.hpp"
#include "samples/sample_builder.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Floats = std::vector<float>;

namespace {

SamplesConfig settings(const std::string& method = "combined") {
  SamplesConfig config;
  config.method = method;
  return config;
}

std::string reason(const Turn& turn, const Verdict& verdict = test::hinted_verdict(), std::int64_t newest = 4) {
  const auto built = SampleBuilder(settings()).build(turn, verdict, newest);
  CHECK(built.sample.has_value() == (built.exclusion.empty() || built.exclusion == "zero_advantage"));
  return built.exclusion;
}

template <class Change>
std::string reason_after(Change change) {
  Turn turn = test::answered_turn();
  change(turn);
  return reason(turn);
}

}  // namespace

TEST_CASE("the sampled ids are the trained ids") {
  auto verdict = test::hinted_verdict();
  verdict.revision = 2;
  Turn turn = test::answered_turn();
  turn.completion.sampling.temperature = 0.5F;
  turn.completion.versions = {5, 4};
  const auto built = SampleBuilder(settings("combined_topk")).build(turn, verdict, 6);
  REQUIRE(built.exclusion.empty());
  const auto& sample = *built.sample;
  CHECK(sample.id == SampleId{{12}, 2});
  CHECK(sample.ids == std::vector<TokenId>{5, 6, 7, 8, 9});
  CHECK(sample.loss_mask == std::vector<std::uint8_t>{0, 0, 0, 1, 1});
  CHECK(sample.sampler_logprobs == Floats{0, 0, 0, -0.5F, -1.0F});
  CHECK(sample.advantages == Floats{0, 0, 0, -1, -1});
  CHECK(sample.topk_width == 2);
  CHECK(sample.topk_ids == turn.completion.topk_ids);
  CHECK(sample.topk_advantages.size() == 4);
  CHECK(sample.reference_logprobs.empty());
  CHECK(sample.temperature == 0.5F);
  CHECK(sample.version == 4);
  CHECK(sample.origin == "turn");
  CHECK(sample.response_length() == 2);
}

TEST_CASE("what cannot be trained on says why") {
  CHECK(reason_after([](Turn&) {}).empty());
  CHECK(reason_after([](Turn& t) { t.type = TurnType::side; }) == "side");
  CHECK(reason_after([](Turn& t) { t.exclusion = "redacted"; }) == "redacted");
  CHECK(reason_after([](Turn& t) { t.state = TurnState::aborted; }) == "aborted");
  CHECK(reason_after([](Turn& t) { t.completion.finish = FinishReason::cancelled; }) == "aborted");
  CHECK(reason_after([](Turn& t) { t.completion.sampling.top_p = 0.9F; }) == "truncated");
  CHECK(reason_after([](Turn& t) { t.completion.sampling.top_k = 40; }) == "truncated");
  CHECK(reason_after([](Turn& t) { t.completion.sampling.presence_penalty = 0.5F; }) == "penalized");
  CHECK(reason_after([](Turn& t) { t.completion.sampling.repetition_penalty = 1.1F; }) == "penalized");
  CHECK(reason_after([](Turn& t) { t.completion.sampling.logit_bias = {{3, 1.0F}}; }) == "penalized");
  CHECK(reason_after([](Turn& t) { t.completion.sampling.temperature = 0; }) == "greedy");
  CHECK(reason_after([](Turn& t) { t.completion.logprobs.clear(); }) == "no_logprobs");
  CHECK(reason_after([](Turn& t) { t.completion.logprobs[1] = std::nanf(""); }) == "no_logprobs");
  CHECK(reason_after([](Turn& t) { t.completion.logprobs[1] = 0.5F; }) == "no_logprobs");
  CHECK(reason_after([](Turn& t) { t.completion.versions.pop_back(); }) == "no_version");
  CHECK(reason_after([](Turn& t) { t.prompt.resize(2000); }) == "too_long");
  CHECK(reason(test::answered_turn(), test::hinted_verdict(), 20).empty());
  CHECK(reason(test::answered_turn(), test::hinted_verdict(), 21) == "stale");
  auto failed = test::hinted_verdict();
  failed.error = "no answer in 120 s";
  CHECK(reason(test::answered_turn(), failed) == "judge_failed");
}

TEST_CASE("a sample without any advantage is kept on record and takes no slot") {
  Verdict verdict;
  verdict.turn = {12};
  verdict.votes = {std::nullopt, std::nullopt, std::nullopt};
  CHECK(reason(test::answered_turn(), verdict) == "zero_advantage");
}

TEST_CASE("the running baseline takes in valid votes in the order of the calls") {
  auto config = settings("binary");
  config.baseline = "running";
  SampleBuilder builder(config);
  auto verdict = test::hinted_verdict();
  const Turn turn = test::answered_turn();
  CHECK(builder.build(turn, verdict, 4).sample->advantages.back() == -1);
  CHECK(builder.build(turn, verdict, 4).exclusion == "zero_advantage");  // as expected: nothing to learn
  verdict.score = 0;
  verdict.votes = {std::nullopt};
  builder.build(turn, verdict, 4);
  CHECK(builder.baseline().mean("chat/main") == Approx(-1));
  verdict.score = 1;
  CHECK(builder.build(turn, verdict, 4).sample->advantages.back() == Approx(2));
}

TEST_CASE("the running baseline is kept per request type and policy line") {
  auto config = settings("binary");
  config.baseline = "running";
  SampleBuilder builder(config);
  const auto verdict = test::hinted_verdict();
  Turn math = test::answered_turn(), code = test::answered_turn();
  math.messages = {{"user", "How much is 3 + 4?", "", {}, ""}};
  code.messages = {{"user", "Fix the bug in this function.", "", {}, ""}};
  CHECK(builder.build(math, verdict, 4).sample->advantages.back() == -1);
  CHECK(builder.build(math, verdict, 4).exclusion == "zero_advantage");
  CHECK(builder.build(code, verdict, 4).sample->advantages.back() == -1);           // another type: nothing known yet
  CHECK(builder.build(math, verdict, 4, "alice").sample->advantages.back() == -1);  // another line
  CHECK(builder.baseline().mean("math/main") == Approx(-1));
  CHECK(builder.baseline().mean("code/main") == Approx(-1));
  CHECK(builder.baseline().mean("math/alice") == Approx(-1));
}

TEST_CASE("a divergence's teacher is on the sample") {
  auto config = settings("combined_topk");
  config.topk_loss = "reverse_kl";
  const auto built = SampleBuilder(config).build(test::answered_turn(), test::hinted_verdict(), 4);
  CHECK(built.sample->topk_teacher_logprobs == test::hinted_verdict().teacher.student_logprobs);
}

TEST_CASE("a KL term wants the reference's log-probs") {
  SampleBuilder builder(settings(), true);
  auto verdict = test::hinted_verdict();
  CHECK(builder.build(test::answered_turn(), verdict, 4).exclusion == "no_reference");
  verdict.reference_logprobs = {-0.25F, -0.5F};
  CHECK(builder.build(test::answered_turn(), verdict, 4).sample->reference_logprobs == Floats{0, 0, 0, -0.25F, -0.5F});
}

TEST_CASE("a verdict of another turn is a bug") {
  auto verdict = test::hinted_verdict();
  verdict.turn = {13};
  CHECK_THROWS_AS(SampleBuilder(settings()).build(test::answered_turn(), verdict, 4), InternalError);
}

TEST_CASE("with a baseline per step a reward is measured against those of the same step") {
  SamplesConfig config = settings("binary");
  config.baseline = "running";
  config.baseline_per_step = GENERATE(true, false);
  SampleBuilder builder(config);
  const auto advantage = [&](int step, std::int8_t score) {
    Turn turn = test::answered_turn();
    turn.messages = {{"user", "Run it.", "", {}, ""}};
    for (int i = 0; i < step; ++i) {
      turn.messages.push_back({"assistant", "", "", {}, ""});
      turn.messages.push_back({"tool", "exit 1", "", {}, "c1"});
    }
    Verdict verdict = test::hinted_verdict();
    verdict.votes = {score};
    verdict.score = score;
    return builder.build(turn, verdict, 4).sample->advantages.back();
  };
  CHECK(advantage(1, 1) == 1);
  CHECK(advantage(2, -1) == (config.baseline_per_step ? -1 : -2));  // both are of type step
  CHECK(advantage(1, -1) == Approx(config.baseline_per_step ? -2 : -1).margin(0.1));
}
