// What the engine adds to the model: one decode step of a bare Policy::step loop and one of the engine, in turns, on
// two copies of the same model with the same context lengths.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "kernels/runtime.hpp"
#include "kernels/sampling.hpp"
#include "model/policy.hpp"
#include "rollout/engine.hpp"

using namespace clawrl;

namespace {

struct Shape {
  std::int32_t batch = 1;
  std::int32_t prompt = 64;
  std::int32_t tokens = 64;
};

double seconds(const std::function<void()>& call) {
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The time that one step in ten stays under: what the code needs when nothing else takes the core away.
double undisturbed(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::int64_t>(values.size() / 10), values.end());
  return values[values.size() / 10];
}

/// Decoding by hand: fixed block tables, tokens drawn by the same kernel.
class BareLoop {
 public:
  BareLoop(Policy& policy, const EngineSettings& settings, const std::vector<GenerateRequest>& requests)
      : policy_(policy) {
    policy.allocate_cache(settings.num_blocks, settings.block_size);
    const auto blocks = settings.num_blocks / static_cast<std::int32_t>(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      tokens_.push_back(requests[i].prompt);
      tables_.emplace_back(static_cast<std::size_t>(blocks));
      std::iota(tables_[i].begin(), tables_[i].end(), static_cast<std::int32_t>(i) * blocks);
      rows_.push_back({requests[i].sampling, 0, 0});
    }
    computed_.resize(tokens_.size());
    drawn_.resize(tokens_.size());
  }

  void compute() {
    std::vector<SequenceStep> steps;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const auto begin = static_cast<std::size_t>(computed_[i]);
      steps.push_back({0, std::span<const TokenId>(tokens_[i]).subspan(begin), computed_[i], tables_[i], true});
    }
    logits_ = policy_.step(steps);
  }
  void draw() {
    kernels::sample(rows_of(logits_, policy_.config().vocab_size), rows_, drawn_);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      computed_[i] = static_cast<std::int32_t>(tokens_[i].size());
      tokens_[i].push_back(drawn_[i].id);
      ++rows_[i].position;
    }
  }

 private:
  Policy& policy_;
  std::vector<std::vector<TokenId>> tokens_;
  std::vector<std::vector<std::int32_t>> tables_;
  std::vector<std::int32_t> computed_;
  std::vector<kernels::SamplingRow> rows_;
  std::vector<kernels::SampledToken> drawn_;
  std::span<const float> logits_;
};

std::vector<GenerateRequest> requests_of(const Shape& shape, std::int64_t vocabulary) {
  std::vector<GenerateRequest> requests(static_cast<std::size_t>(shape.batch));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].id = {i};
    requests[i].stop.max_tokens = shape.tokens + 1;
    requests[i].sampling.seed = i;
    for (std::int32_t p = 0; p < shape.prompt; ++p) {
      requests[i].prompt.push_back(static_cast<TokenId>((p * 131 + static_cast<std::int32_t>(i) * 17) % vocabulary));
    }
  }
  return requests;
}

void measure(const std::string& folder, const Shape& shape) {
  EngineSettings settings;
  settings.num_blocks = shape.batch * ((shape.prompt + shape.tokens) / settings.block_size + 2);
  settings.max_batch = shape.batch;
  settings.prefill_budget = shape.batch * shape.prompt;
  const auto bare_policy = make_policy(folder);
  const auto engine_policy = make_policy(folder);
  const auto requests = requests_of(shape, bare_policy->config().vocab_size);
  BareLoop bare(*bare_policy, settings, requests);
  bare.compute();
  bare.draw();
  Engine engine(*engine_policy, settings);
  for (const auto& request : requests) engine.submit(request);
  engine.step();
  std::vector<double> steps;
  std::vector<double> draws;
  std::vector<double> engine_steps;
  for (std::int32_t i = 0; i < shape.tokens; ++i) {
    steps.push_back(seconds([&] { bare.compute(); }));
    draws.push_back(seconds([&] { bare.draw(); }));
    engine_steps.push_back(seconds([&] {
      engine.step();
      engine.take_deltas();
    }));
  }
  expect(engine.statistics().sampled_tokens == static_cast<std::int64_t>(shape.batch) * (shape.tokens + 1),
         "the engine did not decode all sequences in every step");
  const double step = undisturbed(steps);
  const double whole = undisturbed(engine_steps);
  std::printf("| %5d | %9.3f | %9.3f | %9.3f | %8.1f | %8.1f | %6.2f %% |\n", shape.batch, step * 1e3,
              undisturbed(draws) * 1e3, whole * 1e3, shape.batch / step, shape.batch / whole, (whole / step - 1) * 100);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::printf("use: bench_engine MODEL_FOLDER [PROMPT = 64] [TOKENS = 64]\n");
    return 2;
  }
  try {
    const KernelRuntime runtime;
    std::printf("| batch | step ms | draw ms | engine ms | bare tok/s | engine tok/s | added |\n");
    std::printf("|---|---|---|---|---|---|---|\n");
    for (std::int32_t batch : {1, 8, 32}) {
      measure(argv[1], {batch, argc > 2 ? std::atoi(argv[2]) : 64, argc > 3 ? std::atoi(argv[3]) : 64});
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_engine: %s\n", error.what());
    return 1;
  }
}
