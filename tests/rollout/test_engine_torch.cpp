// The engine on the real model: chunks, paging, prefix cache and batching change nothing, and what was recorded is what
// the same weights score.
#include <cmath>
#include <filesystem>
#include <iostream>

#include "kernels/with_kernels.hpp"
#include "model/policy.hpp"
#include "rollout/append.hpp"
#include "rollout/engine.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

struct SmallModel : test::WithKernels {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / "clawrl_test_engine_torch";
  SmallModel() {
    ModelConfig config;
    config.vocab_size = 96;
    config.hidden_size = 32;
    config.intermediate_size = 64;
    config.num_layers = 2;
    config.num_heads = 4;
    config.num_kv_heads = 2;
    config.head_dim = 8;
    config.max_positions = 256;
    config.eos_tokens = {95};
    std::filesystem::create_directories(folder);
    write_random_model(config, 3, folder.string());
  }
  ~SmallModel() { std::filesystem::remove_all(folder); }
};

std::map<std::uint64_t, Completion> generate(Engine& engine, std::vector<GenerateRequest> requests) {
  for (auto& request : requests) engine.submit(request);
  std::map<std::uint64_t, Completion> replies;
  while (engine.step()) {
    for (const auto& delta : engine.take_deltas()) append(replies[delta.id.value], delta.part);
  }
  return replies;
}

std::vector<GenerateRequest> conversation_requests() {
  std::vector<GenerateRequest> requests;
  for (std::uint64_t i = 0; i < 9; ++i) {
    GenerateRequest request;
    request.id = {i};
    for (TokenId p = 0; p < 37 + static_cast<TokenId>(i); ++p) {
      request.prompt.push_back((p * 7 + (p > 20 ? static_cast<TokenId>(i) : 0)) % 96);
    }
    request.sampling.seed = i;
    request.sampling.temperature = i % 3 == 0 ? 0.0F : 0.5F + 0.25F * static_cast<float>(i % 3);
    request.stop.max_tokens = 20;
    request.record_top_k = 4;
    requests.push_back(request);
  }
  return requests;
}

}  // namespace

TEST_CASE_METHOD(SmallModel, "the shape of the engine does not change the real model's replies") {
  std::vector<std::map<std::uint64_t, Completion>> runs;
  for (const auto& [batch, budget, blocks] : {std::tuple{1, 1000, 64}, {9, 5, 64}, {9, 300, 14}}) {
    const auto policy = make_policy(folder.string());
    EngineSettings settings;
    settings.block_size = 8;
    settings.num_blocks = blocks;
    settings.max_batch = batch;
    settings.prefill_budget = budget;
    Engine engine(*policy, settings);
    runs.push_back(generate(engine, conversation_requests()));
    const auto s = engine.statistics();
    CHECK(s.used_blocks == 0);
    if (blocks == 14) CHECK(s.preemptions > 0);
  }
  for (const auto& run : runs) {
    REQUIRE(run.size() == 9);
    for (const auto& [id, reply] : run) {
      const auto& first = runs[0].at(id);
      REQUIRE(reply.error == "");
      REQUIRE(reply.ids == first.ids);
      for (std::size_t i = 0; i < reply.ids.size(); ++i) {
        REQUIRE(reply.logprobs[i] == Approx(first.logprobs[i]).margin(1e-4));
      }
    }
  }
}

TEST_CASE_METHOD(SmallModel, "recorded log-probs are those that the same version scores") {
  const auto policy = make_policy(folder.string());
  EngineSettings settings;
  settings.block_size = 8;
  settings.num_blocks = 128;
  settings.prefill_budget = 16;
  Engine engine(*policy, settings);
  const auto replies = generate(engine, conversation_requests());
  double gap = 0;
  for (const auto& request : conversation_requests()) {
    const auto& reply = replies.at(request.id.value);
    if (request.sampling.temperature == 0) continue;
    ScoreRequest score;
    score.ids = request.prompt;
    score.ids.insert(score.ids.end(), reply.ids.begin(), reply.ids.end());
    score.response_begin = static_cast<std::int32_t>(request.prompt.size());
    score.temperature = request.sampling.temperature;
    score.top_k = 4;
    const auto result = policy->score(0, std::span(&score, 1)).at(0);
    REQUIRE(result.logprobs.size() == reply.ids.size());
    for (std::size_t i = 0; i < reply.ids.size(); ++i) {
      gap = std::max(gap, static_cast<double>(std::abs(result.logprobs[i] - reply.logprobs[i])));
    }
    REQUIRE(result.topk_ids == reply.topk_ids);
  }
  std::cout << "largest gap between sampler and scorer: " << gap << std::endl;
  CHECK(gap < 1e-5);
}
