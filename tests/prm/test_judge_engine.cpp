// The judge on a real engine and a real (small, random) model.

#include <cmath>
#include <cstring>

#include "kernels/with_kernels.hpp"
#include "prm/judge.hpp"
#include "prompt/chat_template.hpp"
#include "rollout/append.hpp"
#include "rollout/engine.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;

namespace {

const ChatTemplate& chat_template() {
  static const ChatTemplate one = ChatTemplate::load(CLAWRL_SOURCE_DIR "/configs/models/policy");
  return one;
}

Turn sample_turn(Engine& engine, const Tokenizer& tokenizer, std::int64_t id) {
  Turn turn;
  turn.id = {id};
  turn.messages = {{"user", "Tell me about number " + std::to_string(id) + ".", "", {}, ""}};
  turn.next_state = {{"user", "That was not what I wanted.", "", {}, ""}};
  turn.prompt = chat_template().render_ids(tokenizer, turn.messages, "");
  GenerateRequest request;
  request.id = {static_cast<std::uint64_t>(1000 + id)};
  request.prompt = turn.prompt;
  request.sampling = {.temperature = 0.7F, .seed = static_cast<std::uint64_t>(id)};
  request.stop.max_tokens = 12;
  request.record_top_k = 4;
  engine.submit(request);
  while (engine.step()) {
  }
  for (const auto& delta : engine.take_deltas()) append(turn.completion, delta.part);
  REQUIRE(turn.completion.finish == FinishReason::length);
  turn.reply = tokenizer.decode(turn.completion.ids, true);
  return turn;
}

}  // namespace

TEST_CASE_METHOD(test::WithKernels, "several turns through one engine; teacher and reference read the sampled tokens") {
  const std::string folder = test::fixture("models/qwen3_tied").string();
  const auto policy = make_policy(folder), judge_model = make_policy(folder);
  const auto tokenizer = Tokenizer::load(folder + "/tokenizer.json");
  Engine engine(*policy, {.num_blocks = 256}), judge_engine(*judge_model, {.num_blocks = 512});
  std::vector<Turn> turns;
  for (int i = 1; i <= 4; ++i) turns.push_back(sample_turn(engine, tokenizer, i));

  RunConfig config;
  config.trainer.loss.kl_beta = 0.01;
  config.prm.max_tokens = 8;
  const auto settings = judge_settings(config, judge_model->config().eos_tokens);
  const Teacher teacher(scorer_of(*policy), tokenizer, chat_template(), settings.teacher);
  Judge judge(sampler_of(judge_engine), tokenizer, chat_template(), teacher, settings);
  for (const auto& turn : turns) judge.submit(turn, 0);
  std::vector<Verdict> verdicts;
  while (judge.advance())
    for (auto& verdict : judge.take_verdicts()) verdicts.push_back(std::move(verdict));
  REQUIRE(verdicts.size() == turns.size());
  CHECK(judge_engine.statistics().steps < 4 * 4 * 8);  // together, not one after the other

  float gap = 0;
  for (const auto& verdict : verdicts) {
    CHECK(verdict.error.empty());
    CHECK(verdict.votes.size() == 3);
    const auto& turn = turns[static_cast<std::size_t>(verdict.turn.value - 1)];
    REQUIRE(verdict.reference_logprobs.size() == 12);
    for (std::size_t t = 0; t < 12; ++t)
      gap = std::max(gap, std::abs(verdict.reference_logprobs[t] - turn.completion.logprobs[t]));
  }
  CHECK(gap < 2e-4F);  // both version 0, both at temperature 0.7

  Verdict hinted;
  hinted.turn = turns[0].id;
  hinted.hints = {"Answer in one short sentence."};
  teacher.score(turns[0], hinted);
  CHECK(hinted.chosen_hint == 0);
  CHECK(hinted.teacher.student_logprobs.size() == 48);
  float moved = 0;
  for (std::size_t t = 0; t < 12; ++t) {
    moved = std::max(moved, std::abs(hinted.teacher.logprobs[t] - turns[0].completion.logprobs[t]));
    for (std::size_t k = 0; k < 4; ++k)  // a sampled id among the top-k has one log-prob
      if (turns[0].completion.topk_ids[4 * t + k] == turns[0].completion.ids[t])
        CHECK(std::abs(hinted.teacher.student_logprobs[4 * t + k] - hinted.teacher.logprobs[t]) < 1e-4F);
  }
  CHECK(moved > 1e-3F);  // the hint is in the context
}

TEST_CASE_METHOD(test::WithKernels, "self-analysis: the policy's engine and its scoring take turns, across a version") {
  const std::string folder = test::fixture("models/qwen3_tied").string();
  const auto policy = make_policy(folder);
  const auto tokenizer = Tokenizer::load(folder + "/tokenizer.json");
  Engine engine(*policy, {.num_blocks = 512});
  const Turn first = sample_turn(engine, tokenizer, 1), second = sample_turn(engine, tokenizer, 2);
  RunConfig config;
  config.prm.evaluator = "self";
  config.prm.max_tokens = 24;
  config.trainer.loss.kl_beta = 0.01;
  const auto settings = judge_settings(config, policy->config().eos_tokens);
  Judge judge(sampler_of(engine), tokenizer, chat_template(),
              Teacher(scorer_of(*policy), tokenizer, chat_template(), settings.teacher), settings);
  judge.submit(first, 0);
  for (int i = 0; i < 5; ++i) judge.advance();  // its answers are under way on version 0
  for (auto& view : policy->shadow(1)) std::memset(view.data, 0, view.bytes());
  policy->publish(1);
  engine.set_newest(1);
  judge.submit(second, 0);
  std::vector<Verdict> verdicts;
  while (judge.advance())
    for (auto& verdict : judge.take_verdicts()) verdicts.push_back(std::move(verdict));
  REQUIRE(verdicts.size() == 2);
  for (const auto& verdict : verdicts) {
    CHECK(verdict.error.empty());
    CHECK(verdict.votes.size() == 3);  // a random model gives no box: three invalid votes, and that is counted
    CHECK(verdict.reference_logprobs.size() == 12);
  }
}
