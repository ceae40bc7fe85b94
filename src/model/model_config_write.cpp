#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "model/model_config.hpp"
#include "model/model_family.hpp"

namespace clawrl {
namespace {

using nlohmann::json;

void write_text(const std::string& text, const std::string& path) {
  const auto temporary = path + ".tmp";
  std::ofstream out(temporary, std::ios::binary);
  out << text;
  out.close();
  require(out.good(), path + ": cannot be written");
  std::filesystem::rename(temporary, path);
}

const char* dtype_text(DType type) {
  if (type == DType::bf16) return "bfloat16";
  if (type == DType::f16) return "float16";
  expect(type == DType::f32, std::string("a model's dtype cannot be ") + name(type));
  return "float32";
}

json rope_json(const RopeScaling& rope) {
  if (rope.type == RopeType::standard) return nullptr;
  if (rope.type == RopeType::linear) return {{"rope_type", "linear"}, {"factor", rope.factor}};
  json scaling = {{"factor", rope.factor},
                  {"original_max_position_embeddings", static_cast<std::int64_t>(rope.original_positions)}};
  if (rope.type == RopeType::llama3)
    scaling.update({{"rope_type", "llama3"},
                    {"low_freq_factor", rope.low_freq_factor},
                    {"high_freq_factor", rope.high_freq_factor}});
  else
    scaling.update({{"rope_type", "yarn"},
                    {"beta_fast", rope.beta_fast},
                    {"beta_slow", rope.beta_slow},
                    {"truncate", rope.truncate},
                    {"attention_factor", rope.attention_factor}});
  return scaling;
}

void add_biases(const ModelConfig& c, const ModelFamily& family, json& config) {
  const bool attention = family.attention_bias_option && c.o_bias;
  expect(c.qk_norm == family.qk_norm && c.qkv_bias == (family.qkv_bias || attention) && c.o_bias == attention &&
             c.mlp_bias == (family.mlp_bias_option && c.mlp_bias),
         "norms and biases are not those of a " + c.architecture);
  if (family.attention_bias_option) config["attention_bias"] = c.o_bias;
  if (family.mlp_bias_option) config["mlp_bias"] = c.mlp_bias;
}

void add_windows(const ModelConfig& c, WindowRule rule, json& config) {
  expect(c.windows.empty() || c.windows.size() == static_cast<std::size_t>(c.num_layers), "one window per layer");
  const auto widest = c.windows.empty() ? 0 : *std::max_element(c.windows.begin(), c.windows.end());
  auto types = json::array();
  bool every = true;
  for (std::int64_t i = 0; i < c.num_layers; ++i) {
    expect(c.window(i) == 0 || c.window(i) == widest, "all windows of a model are equal");
    types.push_back(c.window(i) > 0 ? "sliding_attention" : "full_attention");
    every = every && c.window(i) > 0;
  }
  expect(widest == 0 || rule == WindowRule::by_layer || (rule != WindowRule::none && every),
         "these windows are not those of a " + c.architecture);
  if (rule == WindowRule::none) return;
  config["sliding_window"] = widest > 0 ? json(widest) : json();
  if (rule == WindowRule::every_layer) return;
  config["use_sliding_window"] = widest > 0;
  if (rule == WindowRule::switched) return;
  config["max_window_layers"] = c.num_layers;
  config["layer_types"] = types;
}

void add_experts(const ModelConfig& c, const ModelFamily& family, json& config) {
  const auto& experts = c.experts;
  expect(family.experts == (experts.count > 0), "experts are not those of a " + c.architecture);
  if (!family.experts) return;
  auto plain = json::array();
  for (std::int64_t i = 0; i < c.num_layers; ++i)
    if (!experts.in(i)) plain.push_back(i);
  config.update({{"num_experts", experts.count},
                 {"num_experts_per_tok", experts.per_token},
                 {"moe_intermediate_size", experts.intermediate_size},
                 {"norm_topk_prob", experts.renormalise},
                 {"decoder_sparse_step", 1},
                 {"mlp_only_layers", plain}});
}

// Every key that a field of ours stands for.
json own_keys(const ModelConfig& c) {
  const auto& family = family_of(c.architecture);
  json config = {{"architectures", {family.architecture}},
                 {"model_type", c.architecture},
                 {"vocab_size", c.vocab_size},
                 {"hidden_size", c.hidden_size},
                 {"intermediate_size", c.intermediate_size},
                 {"num_hidden_layers", c.num_layers},
                 {"num_attention_heads", c.num_heads},
                 {"num_key_value_heads", c.num_kv_heads},
                 {"head_dim", c.head_dim},
                 {"max_position_embeddings", c.max_positions},
                 {"rms_norm_eps", c.rms_norm_eps},
                 {"rope_theta", c.rope_theta},
                 {"rope_scaling", rope_json(c.rope)},
                 {"tie_word_embeddings", c.tied_embeddings},
                 {"hidden_act", "silu"}};
  if (!c.eos_tokens.empty()) config["eos_token_id"] = c.eos_tokens.front();
  add_biases(c, family, config);
  add_windows(c, family.windows, config);
  add_experts(c, family, config);
  return config;
}

// The texts still say what the fields say, but for dtype.
bool unchanged(const ModelConfig& c) {
  if (c.origin.config.empty()) return false;
  auto before = parse_model_config(c.origin, "the model's origin");
  before.dtype = c.dtype;
  return before == c;
}

}  // namespace

void write_model_config(const ModelConfig& c, const std::string& folder) {
  std::filesystem::create_directories(folder);
  const bool as_before = unchanged(c);
  auto parsed = [](const std::string& text) { return text.empty() ? json::object() : json::parse(text); };
  json config = parsed(c.origin.config), generation = parsed(c.origin.generation);
  if (!as_before) {
    config.erase("rope_parameters");
    config.update(own_keys(c));
    generation.erase("eos_token_id");
  }
  for (const char* key : {"dtype", "torch_dtype"})
    if (config.contains(key)) config[key] = dtype_text(c.dtype);
  if (!config.contains("dtype") && !config.contains("torch_dtype")) config["torch_dtype"] = dtype_text(c.dtype);
  if (!generation.contains("eos_token_id") && !c.eos_tokens.empty()) generation["eos_token_id"] = c.eos_tokens;
  write_text(config.dump(2) + "\n", folder + "/config.json");
  write_text(generation.dump(2) + "\n", folder + "/generation_config.json");
}

}  // namespace clawrl
