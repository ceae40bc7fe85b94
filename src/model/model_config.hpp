#pragma once
// Shape of a decoder, read from a Hugging Face config.json. What differs between families is a field, not a type.

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/parameter_view.hpp"
#include "model/rope.hpp"

namespace clawrl {

/// The JSON texts that a config was read from: what no field of ours stands for is written back from here.
struct ConfigOrigin {
  std::string config, generation;                              // empty when there was no such file
  bool operator==(const ConfigOrigin&) const { return true; }  // where a config is from does not change what it means
};

/// Layers whose MLP is a mixture of experts.
struct ExpertConfig {
  std::int64_t count = 0;              // num_experts; 0 = a model without
  std::int64_t per_token = 0;          // num_experts_per_tok
  std::int64_t intermediate_size = 0;  // of one expert: moe_intermediate_size
  bool renormalise = false;            // norm_topk_prob: the chosen experts' probabilities sum to 1
  std::vector<bool> layers;            // [num_layers] has experts, no plain MLP
  bool in(std::int64_t layer) const { return count > 0 && layers[static_cast<std::size_t>(layer)]; }
  bool operator==(const ExpertConfig&) const = default;
};

struct ModelConfig {
  std::string architecture = "qwen3";  // model_type, a row of model_family.hpp
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_positions = 32768;  // max_position_embeddings
  double rms_norm_eps = 1e-6;
  double rope_theta = 1e6;
  RopeScaling rope;
  bool tied_embeddings = true;
  bool qk_norm = true;  // RMS norm of every q and k head before the rotation
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  std::vector<std::int64_t> windows;  // [num_layers] tokens a token sees, itself included, 0 = all; empty = all 0
  ExpertConfig experts;
  std::vector<TokenId> eos_tokens;  // from generation_config.json, else config.json
  DType dtype = DType::f32;         // of the stored weights, as config.json says: f32, bf16 or f16
  ConfigOrigin origin;

  std::int64_t window(std::int64_t layer) const {
    return windows.empty() ? 0 : windows[static_cast<std::size_t>(layer)];
  }
  bool operator==(const ModelConfig&) const = default;
};

/// Longest sequence that the model is meant for: max_positions, stretched by linear and yarn scaling.
std::int64_t context_length(const ModelConfig& config);

/// Sets `architecture` and the fields that it fixes (qk_norm, qkv_bias). Throws UserError naming the allowed ones.
void set_family(ModelConfig& config, const std::string& model_type);

/// Reads config.json and generation_config.json of `folder`. Refuses by name what is not supported. Throws UserError.
ModelConfig read_model_config(const std::string& folder);

/// The same from the texts of the two files; `folder` is for complaints.
ModelConfig parse_model_config(const ConfigOrigin& origin, const std::string& folder);

/// Writes config.json and generation_config.json in the layout that transformers reads. A config that was read and not
/// changed (but for dtype) comes out with every key it had.
void write_model_config(const ModelConfig& config, const std::string& folder);

/// A tokenizer with `tokenizer_size` ids (its highest + 1) must fit the embedding. Throws UserError with both numbers
/// and `folder`, where the tokenizer is from.
void check_vocabulary(const ModelConfig& config, std::int64_t tokenizer_size, const std::string& folder);

}  // namespace clawrl
