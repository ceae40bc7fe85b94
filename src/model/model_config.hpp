#pragma once
// Shape of a decoder, read from a Hugging Face config.json.

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.hpp"

namespace clawrl {

struct ModelConfig {
  std::string architecture = "qwen3";  // model_type; only qwen3 is supported
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_positions = 32768;
  double rms_norm_eps = 1e-6;
  double rope_theta = 1e6;
  bool tied_embeddings = true;
  std::vector<TokenId> eos_tokens;  // from generation_config.json, else config.json
  bool operator==(const ModelConfig&) const = default;
};

/// Reads config.json and generation_config.json of `folder`. Refuses by name what is not supported. Throws UserError.
ModelConfig read_model_config(const std::string& folder);

/// Writes config.json and generation_config.json in the layout that transformers reads.
void write_model_config(const ModelConfig& config, const std::string& folder);

}  // namespace clawrl
