#include "model/model_config.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace clawrl {
namespace {

using nlohmann::json;

json read_json(const std::string& path) {
  std::ifstream in(path);
  require(in.good(), path + ": cannot be read");
  auto parsed = json::parse(in, nullptr, /*allow_exceptions=*/false);
  require(parsed.is_object(), path + ": is not a JSON object");
  return parsed;
}

std::int64_t positive(const json& config, const char* key, const std::string& path) {
  const auto at = config.find(key);
  require(at != config.end() && at->is_number_integer() && *at > 0,
          path + ": '" + key + "' must be a positive integer");
  return at->get<std::int64_t>();
}

double number(const json& config, const char* key, double fallback, const std::string& path) {
  const auto at = config.find(key);
  if (at == config.end() || at->is_null()) return fallback;
  require(at->is_number() && at->get<double>() > 0, path + ": '" + key + "' must be a positive number");
  return at->get<double>();
}

bool flag(const json& config, const char* key, bool fallback, const std::string& path) {
  const auto at = config.find(key);
  if (at == config.end() || at->is_null()) return fallback;
  require(at->is_boolean(), path + ": '" + key + "' must be true or false");
  return at->get<bool>();
}

bool is_set(const json& config, const char* key) { return config.contains(key) && !config[key].is_null(); }

void refuse_unsupported(const json& config, const std::string& path) {
  const auto type = config.value("model_type", json()), act = config.value("hidden_act", json("silu"));
  require(type == "qwen3", path + ": model_type " + type.dump() + " is not supported; allowed: \"qwen3\"");
  require(act == "silu", path + ": hidden_act " + act.dump() + " is not supported; allowed: \"silu\"");
  require(!flag(config, "attention_bias", false, path), path + ": attention_bias = true is not supported");
  require(!flag(config, "use_sliding_window", false, path), path + ": use_sliding_window = true is not supported");
  require(!is_set(config, "quantization_config"), path + ": quantised weights (quantization_config) are not supported");
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!is_set(config, key)) continue;
    const auto& rope = config[key];
    const auto rope_type = rope.is_object() ? rope.value("rope_type", rope.value("type", json("default"))) : json();
    require(rope_type == "default", path + ": " + key + " " + rope.dump() + " is not supported; allowed: default RoPE");
  }
}

std::vector<TokenId> eos_of(const json& config, const std::string& path) {
  if (!is_set(config, "eos_token_id")) return {};
  const auto& eos = config["eos_token_id"];
  if (eos.is_number_integer()) return {eos.get<TokenId>()};
  require(eos.is_array(), path + ": eos_token_id must be an integer or a list of integers");
  std::vector<TokenId> ids;
  for (const auto& id : eos) {
    require(id.is_number_integer(), path + ": eos_token_id must be an integer or a list of integers");
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

void write_json(const json& content, const std::string& path) {
  const auto temporary = path + ".tmp";
  std::ofstream out(temporary);
  out << content.dump(2) << '\n';
  out.close();
  require(out.good(), path + ": cannot be written");
  std::filesystem::rename(temporary, path);
}

}  // namespace

ModelConfig read_model_config(const std::string& folder) {
  const auto path = folder + "/config.json", generation = folder + "/generation_config.json";
  const auto json_config = read_json(path);
  refuse_unsupported(json_config, path);
  ModelConfig c;
  c.vocab_size = positive(json_config, "vocab_size", path);
  c.hidden_size = positive(json_config, "hidden_size", path);
  c.intermediate_size = positive(json_config, "intermediate_size", path);
  c.num_layers = positive(json_config, "num_hidden_layers", path);
  c.num_heads = positive(json_config, "num_attention_heads", path);
  c.num_kv_heads = positive(json_config, "num_key_value_heads", path);
  c.head_dim = positive(json_config, "head_dim", path);
  c.max_positions = positive(json_config, "max_position_embeddings", path);
  c.rms_norm_eps = number(json_config, "rms_norm_eps", 1e-6, path);
  const auto rope = json_config.value("rope_parameters", json());  // newer transformers keep rope_theta in here
  const bool nested = rope.is_object() && rope.contains("rope_theta");
  c.rope_theta = number(nested ? rope : json_config, "rope_theta", 10000, path);
  c.tied_embeddings = flag(json_config, "tie_word_embeddings", false, path);
  require(c.num_heads % c.num_kv_heads == 0, path + ": num_attention_heads must be a multiple of num_key_value_heads");
  require(c.head_dim % 2 == 0, path + ": head_dim must be even");
  if (std::filesystem::exists(generation)) c.eos_tokens = eos_of(read_json(generation), generation);
  if (c.eos_tokens.empty()) c.eos_tokens = eos_of(json_config, path);
  return c;
}

void write_model_config(const ModelConfig& c, const std::string& folder) {
  require(c.architecture == "qwen3", "model type '" + c.architecture + "' cannot be written; allowed: qwen3");
  std::filesystem::create_directories(folder);
  json config = {{"architectures", {"Qwen3ForCausalLM"}},
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
                 {"rope_scaling", nullptr},
                 {"tie_word_embeddings", c.tied_embeddings},
                 {"hidden_act", "silu"},
                 {"attention_bias", false},
                 {"attention_dropout", 0.0},
                 {"use_sliding_window", false},
                 {"sliding_window", nullptr},
                 {"max_window_layers", c.num_layers},
                 {"initializer_range", 0.02},
                 {"use_cache", true}};
  json generation = json::object();
  if (!c.eos_tokens.empty()) {
    config["eos_token_id"] = c.eos_tokens.front();
    generation["eos_token_id"] = c.eos_tokens;
  }
  write_json(config, folder + "/config.json");
  write_json(generation, folder + "/generation_config.json");
}

}  // namespace clawrl
