#include "model/model_config.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.hpp"
#include "model/model_family.hpp"

namespace clawrl {
namespace {

using nlohmann::json;

// Sizes that cannot be meant are refused early.
constexpr std::int64_t largest = 1LL << 30, most_layers = 4096, most_experts = 1 << 17;  // in all layers

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  require(in.good(), path + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// A JSON object and where it is from, for complaints. A key that is null counts as absent, as in transformers.
struct Keys {
  json object;
  std::string where;

  Keys(json value, std::string from) : object(std::move(value)), where(std::move(from)) {
    require(object.is_object(), where + ": is not a JSON object");
  }
  static Keys parse(const std::string& text, const std::string& path) {
    return {json::parse(text, nullptr, /*allow_exceptions=*/false), path};
  }

  bool has(const char* key) const { return object.contains(key) && !object[key].is_null(); }
  void refuse(const char* key, const std::string& why) const {
    throw UserError(where + ": '" + key + "' = " + object[key].dump() + " " + why);
  }
  std::int64_t integer(const char* key, std::int64_t fallback) const {
    if (!has(key) && fallback > 0) return fallback;
    require(has(key), where + ": '" + key + "' must be a positive integer");
    if (!object[key].is_number_integer() || object[key] <= 0 || object[key] > largest)
      refuse(key, "must be a positive integer of at most " + std::to_string(largest));
    return object[key].get<std::int64_t>();
  }
  double number(const char* key, double fallback) const {
    if (!has(key) && fallback > 0) return fallback;
    require(has(key), where + ": '" + key + "' must be a positive number");
    if (!object[key].is_number() || object[key] <= 0) refuse(key, "must be a positive number");
    return object[key].get<double>();
  }
  bool flag(const char* key, bool fallback) const {
    if (!has(key)) return fallback;
    if (!object[key].is_boolean()) refuse(key, "must be true or false");
    return object[key].get<bool>();
  }
  std::string text(const char* key, const char* fallback) const {
    if (!has(key)) return fallback;
    if (!object[key].is_string()) refuse(key, "must be a string");
    return object[key].get<std::string>();
  }
};

void refuse_unsupported(const Keys& keys, const ModelFamily& family) {
  const auto act = keys.text("hidden_act", "silu");
  if (act != "silu" && act != "swish") keys.refuse("hidden_act", "is not supported; allowed: silu");
  for (const char* key : {"quantization_config", "attn_logit_softcapping", "final_logit_softcapping",
                          "query_pre_attn_scalar", "clip_qkv", "no_rope_layers", "rope_local_base_freq"})
    if (keys.has(key)) keys.refuse(key, "is not supported");
  if (keys.number("partial_rotary_factor", 1) != 1)
    keys.refuse("partial_rotary_factor", "is not supported; allowed: 1");
  auto unread = [&](const char* key) {
    if (keys.flag(key, false)) keys.refuse(key, std::string("is not supported for model_type ") + family.model_type);
  };
  if (!family.attention_bias_option && !family.qkv_bias) unread("attention_bias");
  if (!family.mlp_bias_option) unread("mlp_bias");
  if (family.windows == WindowRule::none || family.windows == WindowRule::every_layer) unread("use_sliding_window");
  for (const char* key : {"is_encoder_decoder", "add_cross_attention", "use_bidirectional_attention"}) unread(key);
  if (family.windows == WindowRule::none && keys.has("sliding_window"))
    keys.refuse("sliding_window", std::string("is not supported for model_type ") + family.model_type);
}

RopeType rope_type(const Keys& keys) {
  const char* key = keys.has("rope_type") ? "rope_type" : "type";
  const auto type = keys.text(key, "default");
  if (type == "default") return RopeType::standard;
  if (type == "linear") return RopeType::linear;
  if (type == "llama3") return RopeType::llama3;
  if (type != "yarn") keys.refuse(key, "is not supported; allowed: default, linear, llama3, yarn");
  return RopeType::yarn;
}

void read_yarn(const Keys& keys, RopeScaling& rope) {
  rope.beta_fast = keys.number("beta_fast", 32);
  rope.beta_slow = keys.number("beta_slow", 1);
  rope.truncate = keys.flag("truncate", true);
  const bool both = keys.has("mscale") && keys.has("mscale_all_dim");
  auto mscale = [&](const char* key) { return yarn_magnitude(rope.factor, keys.number(key, 1)); };
  rope.attention_factor =
      keys.number("attention_factor", both ? mscale("mscale") / mscale("mscale_all_dim") : yarn_magnitude(rope.factor));
}

RopeScaling read_rope(const Keys& keys, double max_positions) {
  static const char* const known[] = {"rope_type",
                                      "type",
                                      "rope_theta",
                                      "factor",
                                      "original_max_position_embeddings",
                                      "low_freq_factor",
                                      "high_freq_factor",
                                      "beta_fast",
                                      "beta_slow",
                                      "truncate",
                                      "attention_factor",
                                      "mscale",
                                      "mscale_all_dim",
                                      "partial_rotary_factor"};
  for (const auto& [key, value] : keys.object.items())
    if (std::find(std::begin(known), std::end(known), key) == std::end(known))
      throw UserError(keys.where + ": '" + key + "' is not supported");
  if (keys.number("partial_rotary_factor", 1) != 1)
    keys.refuse("partial_rotary_factor", "is not supported; allowed: 1");
  RopeScaling rope;
  rope.type = rope_type(keys);
  if (rope.type == RopeType::standard) return rope;
  rope.factor = keys.number("factor", 0);
  if (rope.type == RopeType::linear) return rope;
  rope.original_positions = keys.number("original_max_position_embeddings", max_positions);
  if (rope.type == RopeType::yarn) {
    read_yarn(keys, rope);
    return rope;
  }
  rope.low_freq_factor = keys.number("low_freq_factor", 0);
  rope.high_freq_factor = keys.number("high_freq_factor", 0);
  require(rope.high_freq_factor > rope.low_freq_factor, keys.where + ": high_freq_factor must exceed low_freq_factor");
  return rope;
}

// transformers 4 has rope_theta beside rope_scaling, transformers 5 both in rope_parameters.
void read_positions(const Keys& keys, ModelConfig& c) {
  const char* const place = keys.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  const bool twice = keys.has("rope_parameters") && keys.has("rope_scaling");
  require(!twice || keys.object["rope_parameters"] == keys.object["rope_scaling"],
          keys.where + ": rope_parameters and rope_scaling disagree");
  c.rope_theta = keys.number("rope_theta", 10000);
  if (!keys.has(place)) return;
  const Keys rope(keys.object[place], keys.where + ": " + place);
  c.rope = read_rope(rope, static_cast<double>(c.max_positions));
  c.rope_theta = rope.number("rope_theta", c.rope_theta);
}

// layer_types, where given, say which layers have a window; else the layers from max_window_layers on do.
std::vector<bool> sliding_layers(const Keys& keys, const ModelConfig& c, WindowRule rule, bool window) {
  std::vector<bool> sliding(static_cast<std::size_t>(c.num_layers), window && rule != WindowRule::by_layer);
  const auto first = keys.has("max_window_layers") && keys.object["max_window_layers"] == 0
                         ? 0
                         : keys.integer("max_window_layers", 28);
  for (std::int64_t i = first; window && rule == WindowRule::by_layer && i < c.num_layers; ++i)
    sliding[static_cast<std::size_t>(i)] = true;
  if (!keys.has("layer_types")) return sliding;
  const auto& types = keys.object["layer_types"];
  require(types.is_array() && types.size() == sliding.size(), keys.where + ": layer_types must name every layer");
  const auto derived = sliding;
  for (std::size_t i = 0; i < sliding.size(); ++i) {
    if (types[i] != "full_attention" && types[i] != "sliding_attention")
      throw UserError(keys.where + ": layer_types " + types[i].dump() +
                      " is not supported; allowed: full_attention, sliding_attention");
    sliding[i] = types[i] == "sliding_attention";
    require(window || !sliding[i], keys.where + ": layer_types has sliding_attention, but no sliding_window is in use");
  }
  require(rule == WindowRule::by_layer || sliding == derived,
          keys.where + ": layer_types is not supported for model_type " + c.architecture);
  return sliding;
}

void read_windows(const Keys& keys, WindowRule rule, ModelConfig& c) {
  const bool used =
      rule == WindowRule::every_layer || (rule != WindowRule::none && keys.flag("use_sliding_window", false));
  const bool null = keys.object.contains("sliding_window") && !keys.has("sliding_window");
  const auto window = used && !null ? keys.integer("sliding_window", 4096) : 0;
  const auto sliding = sliding_layers(keys, c, rule, window > 0);
  if (std::find(sliding.begin(), sliding.end(), true) == sliding.end()) return;
  for (const bool layer : sliding) c.windows.push_back(layer ? window : 0);
}

void read_shape(const Keys& keys, const ModelFamily& family, ModelConfig& c) {
  c.vocab_size = keys.integer("vocab_size", 0);
  c.hidden_size = keys.integer("hidden_size", 0);
  c.intermediate_size = keys.integer("intermediate_size", 0);
  c.num_layers = keys.integer("num_hidden_layers", 0);
  c.num_heads = keys.integer("num_attention_heads", 0);
  require(c.num_layers <= most_layers, keys.where + ": num_hidden_layers is above " + std::to_string(most_layers));
  const bool null_kv = keys.object.contains("num_key_value_heads") || family.default_kv_heads == 0;
  c.num_kv_heads = keys.integer("num_key_value_heads", null_kv ? c.num_heads : family.default_kv_heads);
  const bool divided = keys.object.contains("head_dim") || family.default_head_dim == 0;
  require(!divided || keys.has("head_dim") || c.hidden_size % c.num_heads == 0,
          keys.where + ": without head_dim, hidden_size must be a multiple of num_attention_heads");
  c.head_dim = keys.integer("head_dim",
                            divided ? std::max<std::int64_t>(c.hidden_size / c.num_heads, 1) : family.default_head_dim);
  require(c.num_heads % c.num_kv_heads == 0,
          keys.where + ": num_attention_heads must be a multiple of num_key_value_heads");
  require(c.head_dim % 2 == 0, keys.where + ": head_dim must be even");
  c.max_positions = keys.integer("max_position_embeddings", family.default_positions);
}

// Every decoder_sparse_step-th layer has experts, but for those in mlp_only_layers.
ExpertConfig read_experts(const Keys& keys, const ModelConfig& c) {
  ExpertConfig experts;
  experts.count = keys.integer("num_experts", 128);
  experts.per_token = keys.integer("num_experts_per_tok", 8);
  experts.intermediate_size = keys.integer("moe_intermediate_size", 768);
  experts.renormalise = keys.flag("norm_topk_prob", false);
  if (experts.per_token > experts.count) keys.refuse("num_experts_per_tok", "must be at most num_experts");
  if (experts.count > most_experts / c.num_layers)
    keys.refuse("num_experts", "is above " + std::to_string(most_experts) + " in all layers");
  const auto step = keys.integer("decoder_sparse_step", 1);
  for (std::int64_t i = 0; i < c.num_layers; ++i) experts.layers.push_back((i + 1) % step == 0);
  if (!keys.has("mlp_only_layers")) return experts;
  const auto& plain = keys.object["mlp_only_layers"];
  if (!plain.is_array()) keys.refuse("mlp_only_layers", "must be a list of layers");
  for (const auto& layer : plain) {
    if (!layer.is_number_integer() || layer < 0 || layer >= c.num_layers)
      keys.refuse("mlp_only_layers", "must be a list of layers");
    experts.layers[layer.get<std::size_t>()] = false;
  }
  return experts;
}

DType read_dtype(const Keys& keys) {
  const char* key = keys.has("dtype") ? "dtype" : "torch_dtype";
  auto type = keys.text(key, "float32");
  if (type.starts_with("torch.")) type.erase(0, 6);
  if (type == "bfloat16") return DType::bf16;
  if (type == "float16") return DType::f16;
  if (type != "float32") keys.refuse(key, "is not supported; allowed: float32, bfloat16, float16");
  return DType::f32;
}

std::vector<TokenId> read_eos(const Keys& keys, const ModelConfig& c) {
  if (!keys.has("eos_token_id")) return {};
  const auto& eos = keys.object["eos_token_id"];
  std::vector<TokenId> ids;
  for (const auto& id : eos.is_array() ? eos : json::array({eos})) {
    if (!id.is_number_integer() || id < 0 || id >= c.vocab_size)
      keys.refuse("eos_token_id",
                  "must be an id below vocab_size " + std::to_string(c.vocab_size) + " or a list of such");
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

}  // namespace

ModelConfig parse_model_config(const ConfigOrigin& origin, const std::string& folder) {
  const auto keys = Keys::parse(origin.config, folder + "/config.json");
  ModelConfig c;
  c.origin = origin;
  const auto type = keys.text("model_type", "");
  try {
    set_family(c, type);
  } catch (const UserError& error) {
    throw UserError(keys.where + ": " + error.what());
  }
  const auto& family = family_of(type);
  refuse_unsupported(keys, family);
  read_shape(keys, family, c);
  c.rms_norm_eps = keys.number("rms_norm_eps", 1e-6);
  c.tied_embeddings = keys.flag("tie_word_embeddings", false);
  c.o_bias = family.attention_bias_option && keys.flag("attention_bias", false);
  c.qkv_bias = c.qkv_bias || c.o_bias;
  c.mlp_bias = family.mlp_bias_option && keys.flag("mlp_bias", false);
  read_positions(keys, c);
  read_windows(keys, family.windows, c);
  if (family.experts) c.experts = read_experts(keys, c);
  c.dtype = read_dtype(keys);
  if (!origin.generation.empty())
    c.eos_tokens = read_eos(Keys::parse(origin.generation, folder + "/generation_config.json"), c);
  if (c.eos_tokens.empty()) c.eos_tokens = read_eos(keys, c);
  return c;
}

ModelConfig read_model_config(const std::string& folder) {
  const auto generation = folder + "/generation_config.json";
  ConfigOrigin origin{file_text(folder + "/config.json"), {}};
  if (std::filesystem::exists(generation)) origin.generation = file_text(generation);
  return parse_model_config(origin, folder);
}

std::int64_t context_length(const ModelConfig& c) {
  const bool yarn = c.rope.type == RopeType::yarn, stretched = yarn || c.rope.type == RopeType::linear;
  const auto original = yarn ? c.rope.original_positions : static_cast<double>(c.max_positions);
  return std::max<std::int64_t>(c.max_positions, stretched ? std::llround(original * c.rope.factor) : 0);
}

void check_vocabulary(const ModelConfig& config, std::int64_t tokenizer_size, const std::string& folder) {
  require(tokenizer_size <= config.vocab_size,
          folder + ": the tokenizer has ids up to " + std::to_string(tokenizer_size - 1) +
              ", but the model's vocab_size is " + std::to_string(config.vocab_size));
}

}  // namespace clawrl
