#pragma once
// A tiny random model in a temporary folder, and samples for it.

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "core/parameter_view.hpp"
#include "core/training_sample.hpp"
#include "model/model_folder.hpp"
#include "model/torch/weight_set.hpp"
#include "trainer/learner.hpp"

namespace clawrl::test {

inline ModelConfig tiny_config() {
  ModelConfig config;
  config.vocab_size = 64;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 16;
  config.eos_tokens = {0};
  return config;
}

/// Removed at the end of the scope.
struct ModelFolder {
  explicit ModelFolder(const std::string& name, const ModelConfig& config = tiny_config(), std::uint64_t seed = 3)
      : path((std::filesystem::temp_directory_path() / ("clawrl_" + name + "_" + std::to_string(getpid()))).string()) {
    at::Tensor flat = random_weights(config, seed);
    save_weights(path, config, parameter_views(config, bind_weights(config, flat)));
  }
  ~ModelFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  ModelFolder(const ModelFolder&) = delete;
  ModelFolder& operator=(const ModelFolder&) = delete;
  std::string path;
};

/// Small deterministic generator: the same numbers on every platform and rank.
struct Random {
  std::uint64_t state;
  std::uint32_t next() {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state >> 33);
  }
  float uniform() { return static_cast<float>(next() % 10000) / 10000.0F; }
};

/// `length` tokens of which the last `response` are trained; sampler log-probs around what a fresh model gives.
inline TrainingSample random_sample(Random& random, std::size_t length, std::size_t response, std::int32_t width = 0) {
  TrainingSample sample;
  sample.id.turn.value = random.next();
  for (std::size_t t = 0; t < length; ++t) {
    const bool trained = t >= length - response;
    sample.ids.push_back(static_cast<TokenId>(random.next() % 64));
    sample.loss_mask.push_back(trained);
    sample.sampler_logprobs.push_back(trained ? -4.2F + 0.3F * (random.uniform() - 0.5F) : 0.0F);
    sample.advantages.push_back(trained ? 2.0F * random.uniform() - 1.0F : 0.0F);
  }
  sample.topk_width = width;
  for (std::size_t i = 0; i < response * static_cast<std::size_t>(width); ++i) {
    sample.topk_ids.push_back(static_cast<TokenId>(random.next() % 64));
    sample.topk_logprobs.push_back(-4.2F);
    sample.topk_advantages.push_back(0.5F * (random.uniform() - 0.5F));
  }
  return sample;
}

inline std::vector<TrainingSample> random_samples(std::uint64_t seed, std::size_t count, std::int32_t width = 0) {
  Random random{seed};
  std::vector<TrainingSample> samples;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t response = 2 + random.next() % 12;
    samples.push_back(random_sample(random, response + 1 + random.next() % 20, response, width));
  }
  return samples;
}

inline StepBatch make_batch(std::int64_t step, std::vector<TrainingSample> samples) {
  StepBatch batch;
  batch.step = batch.version = step;
  batch.global_samples = static_cast<std::int64_t>(samples.size());
  for (const auto& sample : samples) batch.global_active_tokens += sample.response_length();
  batch.samples = std::move(samples);
  return batch;
}

inline std::vector<float> flatten(const std::vector<ParameterView>& views) {
  std::vector<float> all;
  for (const auto& view : views) {
    if (view.type != DType::f32) continue;
    const auto* data = static_cast<const float*>(view.data);
    all.insert(all.end(), data, data + view.elements());
  }
  return all;
}

/// Overwrites `to` with `from`: what a restart does.
inline void copy_state(const std::vector<ParameterView>& from, const std::vector<ParameterView>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) std::memcpy(to.at(i).data, from[i].data, from[i].bytes());
}

}  // namespace clawrl::test
