#pragma once
// A small model with random weights on disk for the length of a test.

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "model/model_folder.hpp"
#include "model/torch/weight_set.hpp"

namespace clawrl::test {

inline ModelConfig tiny(bool tied) {
  ModelConfig config;
  config.vocab_size = 96;
  config.hidden_size = 48;
  config.intermediate_size = 80;
  config.num_layers = 2;
  config.num_heads = 6;
  config.num_kv_heads = 2;
  config.head_dim = 16;
  config.tied_embeddings = tied;
  config.eos_tokens = {1};
  return config;
}

struct RandomModel {
  std::filesystem::path path;
  ModelConfig config;
  at::Tensor flat;
  explicit RandomModel(std::uint64_t seed, bool tied = true)
      : path(std::filesystem::temp_directory_path() /
             ("clawrl_" + std::to_string(::getpid()) + "_" + std::to_string(seed))),
        config(tiny(tied)),
        flat(random_weights(config, seed)) {
    save_weights(path.string(), config, parameter_views(weight_layout(config), flat));
  }
  ~RandomModel() { std::filesystem::remove_all(path); }
};

inline std::vector<TokenId> some_ids(std::size_t count, std::size_t seed) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(static_cast<TokenId>((i * 37 + seed * 11 + i * i) % 96));
  return ids;
}

inline double gap(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

}  // namespace clawrl::test
