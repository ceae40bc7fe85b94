// Constrained replies through the engine, and the same distribution everywhere: what the engine recorded is what the
// scorer and the trainer compute from the sample, and the trainer's gradient is that of the masked softmax.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "comm/collectives.hpp"
#include "grammar/schema_checker.hpp"
#include "kernels/with_kernels.hpp"
#include "model/policy.hpp"
#include "prompt/tokenizer.hpp"
#include "rollout/append.hpp"
#include "rollout/engine.hpp"
#include "samples/sample_builder.hpp"
#include "support/catch.hpp"
#include "trainer/learner_support.hpp"
#include "trainer/torch/token_logprobs.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

constexpr TokenId eos = 0;

/// All bytes and some longer tokens, as a tokenizer.json in the byte-level alphabet.
Tokenizer byte_tokenizer(const std::filesystem::path& folder) {
  nlohmann::json vocabulary = nlohmann::json::object(), merges = nlohmann::json::array();
  int id = 1;
  std::vector<std::string> letters;
  int shifted = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174);
    const int point = printable ? byte : shifted++;
    std::string text;
    if (point < 128)
      text = static_cast<char>(point);
    else
      text = {static_cast<char>(0xC0 | (point >> 6)), static_cast<char>(0x80 | (point & 63))};
    letters.push_back(text);
    vocabulary[text] = id++;
  }
  for (const auto& [left, right] : std::vector<std::pair<std::string, std::string>>{{"\"", ":"},
                                                                                    {"\":", "\""},
                                                                                    {"{", "\""},
                                                                                    {"}", "}"},
                                                                                    {"\"", ","},
                                                                                    {"\",", "\""},
                                                                                    {"a", "b"},
                                                                                    {"1", "2"},
                                                                                    {"\"", "}"}}) {
    vocabulary[left + right] = id++;
    merges.push_back(left + " " + right);
  }
  const nlohmann::json file = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens",
       {{{"id", 0},
         {"content", "<|end|>"},
         {"single_word", false},
         {"lstrip", false},
         {"rstrip", false},
         {"normalized", false},
         {"special", true}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"vocab", vocabulary},
        {"merges", merges}}}};
  std::ofstream(folder / "tokenizer.json") << file.dump();
  return Tokenizer::load((folder / "tokenizer.json").string());
}

struct Setting : WithKernels {
  ModelConfig config = [] {
    ModelConfig c = tiny_config();
    c.vocab_size = 272;
    c.max_positions = 512;
    return c;
  }();
  ModelFolder folder{"masked", config};
  Tokenizer tokenizer = byte_tokenizer(folder.path);
  std::unique_ptr<Policy> policy = make_policy(folder.path);
  ConstraintCompiler compiler{tokenizer, config.vocab_size, {ToolFormat::hermes, false}};
};

const std::string schema =
    R"({"type":"object","properties":{"name":{"type":"string","maxLength":6},"kind":{"enum":["a","ab","c"]},
  "n":{"type":"integer","minimum":0,"maximum":99},"ok":{"type":"boolean"}},"required":["name","kind","n"]})";

GenerateRequest request(std::uint64_t id, Constraint constraint, std::int32_t top_k = 4) {
  GenerateRequest r;
  r.id = {id};
  r.prompt = {10, 11, 12, static_cast<TokenId>(20 + id % 50)};
  r.sampling.seed = id;
  r.sampling.temperature = id % 2 ? 1.0F : 0.8F;
  r.stop.max_tokens = 150;
  r.stop.stop_tokens = {eos};
  r.record_top_k = top_k;
  r.constraint = std::move(constraint);
  return r;
}

std::map<std::uint64_t, Completion> generate(Engine& engine, const std::vector<GenerateRequest>& requests) {
  for (const auto& r : requests) engine.submit(r);
  std::map<std::uint64_t, Completion> replies;
  while (engine.step())
    for (const auto& delta : engine.take_deltas()) append(replies[delta.id.value], delta.part);
  for (const auto& delta : engine.take_deltas()) append(replies[delta.id.value], delta.part);
  return replies;
}

EngineSettings small_engine(std::int32_t blocks = 512) {
  EngineSettings settings;
  settings.num_blocks = blocks;
  settings.max_batch = 8;
  return settings;
}

Turn turn_of(const GenerateRequest& r, const Completion& completion) {
  Turn turn;
  turn.prompt = r.prompt;
  turn.completion = completion;
  turn.state = TurnState::scored;
  return turn;
}

TrainingSample sample_of(const GenerateRequest& r, const Completion& c) {
  TrainingSample s;
  s.ids = r.prompt;
  s.ids.insert(s.ids.end(), c.ids.begin(), c.ids.end());
  s.loss_mask.assign(r.prompt.size(), 0);
  s.loss_mask.resize(s.ids.size(), 1);
  s.sampler_logprobs.assign(r.prompt.size(), 0);
  s.sampler_logprobs.insert(s.sampler_logprobs.end(), c.logprobs.begin(), c.logprobs.end());
  s.advantages.assign(r.prompt.size(), 0);
  for (std::size_t i = 0; i < c.ids.size(); ++i) s.advantages.push_back(i % 3 ? 0.7F : -0.4F);
  s.masks = c.masks;
  s.temperature = c.sampling.temperature;
  return s;
}

}  // namespace

TEST_CASE_METHOD(Setting, "constrained and free requests run side by side, and constrained ones end in valid JSON") {
  Engine engine(*policy, small_engine(), &compiler);
  std::vector<GenerateRequest> requests;
  for (std::uint64_t id = 0; id < 24; ++id)
    requests.push_back(request(id, id % 3 == 2 ? Constraint{} : Constraint{Constraint::Kind::json_schema, schema, ""}));
  const auto replies = generate(engine, requests);
  const SchemaChecker checker(Json::parse(schema));
  std::size_t ended = 0;
  for (std::uint64_t id = 0; id < 24; ++id) {
    const auto& reply = replies.at(id);
    CHECK(reply.masks.empty() == (id % 3 == 2));
    if (id % 3 == 2) continue;
    REQUIRE(reply.masks.rows.size() == reply.ids.size());
    REQUIRE(reply.finish == FinishReason::stop);
    const auto text = tokenizer.decode(reply.ids, true);
    INFO(text);
    CHECK(checker.valid(Json::parse(text)));
    CHECK(reply.topk_ids.size() == 4 * reply.ids.size());
    ++ended;
  }
  CHECK(ended == 16);
  SECTION("few blocks preempt sequences, and nothing changes") {
    const auto fresh = make_policy(folder.path);
    Engine tight(*fresh, small_engine(14), &compiler);
    const auto again = generate(tight, requests);
    CHECK(tight.statistics().preemptions > 0);
    for (const auto& [id, reply] : replies) {
      INFO(id);
      if (reply.masks.empty()) continue;
      CHECK(again.at(id).ids == reply.ids);
      CHECK(again.at(id).masks == reply.masks);
    }
  }
}

TEST_CASE_METHOD(Setting, "a constraint that does not compile fails with its text, a cut reply ends with length") {
  Engine engine(*policy, small_engine(), &compiler);
  auto bad = request(1, {Constraint::Kind::json_schema, R"({"not":{}})", ""});
  auto cut = request(2, {Constraint::Kind::json_schema, R"({"type":"string","minLength":50})", ""});
  cut.stop.max_tokens = 5;
  auto endless = request(3, {Constraint::Kind::json_schema, R"({"const":"ab"})", ""});
  endless.stop.stop_tokens.clear();
  const auto replies = generate(engine, {bad, cut, endless});
  CHECK(replies.at(1).finish == FinishReason::failed);
  CHECK_THAT(replies.at(1).error, Catch::Matchers::Contains("'not'"));
  CHECK(replies.at(2).finish == FinishReason::length);
  CHECK(replies.at(2).ids.size() == 5);
  CHECK(replies.at(3).finish == FinishReason::stop);
  CHECK(tokenizer.decode(replies.at(3).ids, true) == "\"ab\"");
  const auto fresh = make_policy(folder.path);
  Engine without(*fresh, small_engine());
  CHECK(generate(without, {cut}).at(2).finish == FinishReason::failed);
}

TEST_CASE_METHOD(Setting, "sampler, scorer and trainer agree on the masked log-probs") {
  Engine engine(*policy, small_engine(), &compiler);
  std::vector<GenerateRequest> requests;
  for (std::uint64_t id = 0; id < 8; ++id)
    requests.push_back(request(id, id == 3 ? Constraint{} : Constraint{Constraint::Kind::json_schema, schema, ""}));
  const auto replies = generate(engine, requests);
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, {}, *collectives);
  std::vector<ScoreRequest> scored;
  for (std::uint64_t id = 0; id < 8; ++id) {
    const auto& reply = replies.at(id);
    ScoreRequest score;
    score.ids = requests[id].prompt;
    score.response_begin = static_cast<std::int32_t>(score.ids.size());
    score.ids.insert(score.ids.end(), reply.ids.begin(), reply.ids.end());
    score.temperature = reply.sampling.temperature;
    score.masks = reply.masks;
    score.top_k = score.gather_width = 4;
    score.gather_ids = reply.topk_ids;
    scored.push_back(score);
  }
  const auto results = policy->score(0, scored);
  float worst_scorer = 0, worst_trainer = 0, worst_top = 0;
  std::size_t tokens = 0, forced = 0;
  for (std::uint64_t id = 0; id < 8; ++id) {
    const auto& reply = replies.at(id);
    const auto trained = learner->score(sample_of(requests[id], reply));
    for (std::size_t t = 0; t < reply.ids.size(); ++t, ++tokens) {
      worst_scorer = std::max(worst_scorer, std::abs(results[id].logprobs[t] - reply.logprobs[t]));
      worst_trainer = std::max(worst_trainer, std::abs(trained[requests[id].prompt.size() + t] - reply.logprobs[t]));
      const IdRuns* mask = reply.masks.row(t);
      const bool single = mask && mask->size() == 2 && (*mask)[1] - (*mask)[0] == 1;
      forced += single;
      if (single) CHECK(reply.logprobs[t] == Approx(0.0).margin(1e-6));
    }
    REQUIRE(results[id].topk_ids == reply.topk_ids);
    for (std::size_t i = 0; i < reply.topk_logprobs.size(); ++i) {
      worst_top = std::max(worst_top, std::abs(results[id].gathered[i] - reply.topk_logprobs[i]));
      worst_top = std::max(worst_top, std::abs(results[id].topk_logprobs[i] - reply.topk_logprobs[i]));
    }
  }
  std::cout << tokens << " tokens (" << forced << " forced): largest gap to the sampler: scorer " << worst_scorer
            << ", its top-k " << worst_top << ", trainer " << worst_trainer << std::endl;
  CHECK(forced > 0);
  CHECK(worst_scorer < 1e-4F);
  CHECK(worst_top < 1e-4F);
  CHECK(worst_trainer < 1e-4F);
}

TEST_CASE_METHOD(Setting, "a batch of masked and free samples trains, and a mask that forbids its token is refused") {
  Engine engine(*policy, small_engine(), &compiler);
  std::vector<GenerateRequest> requests;
  for (std::uint64_t id = 0; id < 6; ++id)
    requests.push_back(request(id, id % 2 ? Constraint{} : Constraint{Constraint::Kind::json_schema, schema, ""}));
  const auto replies = generate(engine, requests);
  std::vector<TrainingSample> samples;
  for (std::uint64_t id = 0; id < 6; ++id) samples.push_back(sample_of(requests[id], replies.at(id)));
  const auto collectives = make_local_collectives();
  const auto learner = make_learner(folder.path, {}, {}, *collectives);
  const auto before = learner->score(samples[0]);
  const auto metrics = learner->step(make_batch(1, samples));
  CHECK(std::isfinite(metrics.grad_norm));
  CHECK(metrics.grad_norm > 0);
  CHECK(std::abs(metrics.approx_kl) < 1e-5);  // the first step is on-policy only if both see the same distribution
  CHECK(learner->score(samples[0]) != before);
  auto lying = samples[0];
  lying.masks.sets.push_back({lying.ids.back() + 1, lying.ids.back() + 2});
  lying.masks.rows.back() = static_cast<std::int32_t>(lying.masks.sets.size()) - 1;
  CHECK_THROWS_WITH(learner->step(make_batch(2, {lying})),
                    Catch::Matchers::Contains("does not allow the token itself"));
}

TEST_CASE("the masked log-softmax and its gradient are those of the formula") {
  at::manual_seed(3);
  const std::int64_t rows = 7, width = 12, vocabulary = 40;
  const at::Tensor hidden = at::randn({rows, width}), head = at::randn({vocabulary, width});
  const IdRuns few = {3, 5, 9, 10, 38, 40}, one = {7, 8};
  const std::vector<const IdRuns*> masks = {nullptr, &few, &one, nullptr, &few, &few, nullptr};
  const std::vector<TokenId> targets = {11, 4, 7, 39, 9, 38, 0}, others = {1, 3, 7, 2, 39, 4, 39};
  at::Tensor ids = at::empty({rows, 2}, at::kLong), bias = at::zeros({rows, vocabulary});
  for (std::int64_t n = 0; n < rows; ++n) {
    ids[n][0] = targets[static_cast<std::size_t>(n)];
    ids[n][1] = others[static_cast<std::size_t>(n)];
    if (!masks[static_cast<std::size_t>(n)]) continue;
    bias[n].fill_(-std::numeric_limits<float>::infinity());
    const auto& runs = *masks[static_cast<std::size_t>(n)];
    for (std::size_t i = 0; i < runs.size(); i += 2) bias[n].narrow(0, runs[i], runs[i + 1] - runs[i]).zero_();
  }
  const at::Tensor temperature = at::full({rows}, 0.7), weights = at::randn({rows, 2});
  at::Tensor h1 = hidden.clone().requires_grad_(), w1 = head.clone().requires_grad_();
  at::Tensor h2 = hidden.clone().requires_grad_(), w2 = head.clone().requires_grad_();
  const at::Tensor fused = token_logprobs(h1, w1, ids, temperature, masks);
  const at::Tensor composed = at::log_softmax(at::mm(h2, w2.t()) / temperature.unsqueeze(1) + bias, -1).gather(1, ids);
  CHECK(at::allclose(fused, composed, 1e-5, 1e-5));
  (fused * weights).sum().backward();
  (composed * weights).sum().backward();
  CHECK(at::allclose(h1.grad(), h2.grad(), 1e-4, 1e-5));
  CHECK(at::allclose(w1.grad(), w2.grad(), 1e-4, 1e-5));
  CHECK(at::allclose(w1.grad()[20], w2.grad()[20], 1e-4, 1e-5));
}

TEST_CASE_METHOD(Setting, "the sample builder carries masks, and repeated candidates get no advantage") {
  Engine engine(*policy, small_engine(), &compiler);
  const auto asked = request(1, {Constraint::Kind::json_schema, schema, ""});
  const auto reply = generate(engine, {asked}).at(1);
  SamplesConfig settings;
  settings.method = "opd_topk";
  settings.subset = "student";
  SampleBuilder builder(settings);
  Turn turn = turn_of(asked, reply);
  turn.type = TurnType::main;
  Verdict verdict;
  verdict.turn = turn.id;
  verdict.score = 1;
  verdict.hints = {"hint"};
  verdict.chosen_hint = 0;
  verdict.teacher.logprobs = reply.logprobs;
  verdict.teacher.student_logprobs = reply.topk_logprobs;
  for (std::size_t i = 0; i < verdict.teacher.student_logprobs.size(); ++i)
    verdict.teacher.student_logprobs[i] -= 0.1F * static_cast<float>(i % 4);
  verdict.teacher.topk_ids = reply.topk_ids;
  verdict.teacher.topk_logprobs = reply.topk_logprobs;
  const auto built = builder.build(turn, verdict, 0);
  INFO(built.exclusion);
  REQUIRE(built.sample.has_value());
  CHECK(built.sample->masks == reply.masks);
  std::size_t repeats = 0;
  for (std::size_t i = 0; i < reply.topk_ids.size(); ++i) {
    if (i % 4 == 0 || reply.topk_ids[i] != reply.topk_ids[i - i % 4]) continue;
    CHECK(built.sample->topk_advantages[i] == 0.0F);
    ++repeats;
  }
  CHECK(repeats > 0);
  turn.completion.masks.rows.pop_back();
  CHECK(builder.build(turn, verdict, 0).exclusion == "no_masks");
}
