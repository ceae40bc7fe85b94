// config.json of every family: what it means, and that it means the same after it was written back.
#include "model/model_config.hpp"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const json small = {{"vocab_size", 320},      {"hidden_size", 48},        {"intermediate_size", 112},
                    {"num_hidden_layers", 4}, {"num_attention_heads", 4}, {"num_key_value_heads", 2}};

json with(json config, const json& changes) {
  config.update(changes);
  return config;
}

ModelConfig parse(const json& changes, const json& generation = {}) {
  return parse_model_config({with(small, changes).dump(), generation.is_null() ? "" : generation.dump()}, "folder");
}

std::string complaint(const json& changes) {
  try {
    parse(changes);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

struct Folder {
  fs::path path = fs::temp_directory_path() / ("clawrl_model_config_" + std::to_string(::getpid()));
  ~Folder() { fs::remove_all(path); }
  json written(const ModelConfig& config) const {
    write_model_config(config, path.string());
    std::ifstream in(path / "config.json");
    return json::parse(in);
  }
};

using Windows = std::vector<std::int64_t>;
const json yarn = {{"type", "yarn"}, {"factor", 4.0},         {"original_max_position_embeddings", 64},
                   {"mscale", 0.7},  {"mscale_all_dim", 0.5}, {"beta_fast", 16}};

}  // namespace

TEST_CASE("what the families leave unsaid is what transformers takes") {
  const auto llama = parse({{"model_type", "llama"}});
  CHECK((!llama.qk_norm && !llama.qkv_bias && !llama.tied_embeddings));
  CHECK((llama.head_dim == 12 && llama.max_positions == 2048 && llama.rope_theta == 10000));
  CHECK(parse({{"model_type", "qwen2"}}).qkv_bias);
  CHECK(parse({{"model_type", "qwen3"}}).head_dim == 128);
  CHECK(parse({{"model_type", "qwen3"}, {"head_dim", nullptr}}).head_dim == 12);
  CHECK(parse({{"model_type", "llama"}, {"num_key_value_heads", nullptr}}).num_kv_heads == 4);
  CHECK(parse({{"model_type", "mistral"}}).windows == Windows(4, 4096));
  CHECK(parse({{"model_type", "mistral"}, {"sliding_window", nullptr}}).windows.empty());
  const auto biased = parse({{"model_type", "llama"}, {"attention_bias", true}, {"mlp_bias", true}});
  CHECK((biased.qkv_bias && biased.o_bias && biased.mlp_bias));
  CHECK(parse({{"model_type", "llama"}, {"eos_token_id", {7, 9}}}).eos_tokens == std::vector<TokenId>{7, 9});
  CHECK(parse({{"model_type", "llama"}, {"eos_token_id", 7}}, {{"eos_token_id", {8, 9}}}).eos_tokens ==
        std::vector<TokenId>{8, 9});
  CHECK_THAT(complaint({{"model_type", "llama"}, {"eos_token_id", 320}}), Catch::Contains("below vocab_size 320"));
  CHECK_THAT(complaint({{"model_type", "llama"}, {"sliding_window", 16}}), Catch::Contains("sliding_window"));
  CHECK_THAT(complaint({{"model_type", "mistral"}, {"attention_bias", true}}), Catch::Contains("attention_bias"));
}

TEST_CASE("which layers have a window") {
  const json qwen = {{"model_type", "qwen2"}, {"sliding_window", 16}, {"max_window_layers", 3}};
  CHECK(parse(qwen).windows.empty());
  CHECK(parse(with(qwen, {{"use_sliding_window", true}})).windows == Windows{0, 0, 0, 16});
  CHECK(parse(with(qwen, {{"use_sliding_window", true}, {"max_window_layers", 0}})).windows == Windows(4, 16));
  const json types = {"sliding_attention", "full_attention", "sliding_attention", "full_attention"};
  CHECK(parse(with(qwen, {{"use_sliding_window", true}, {"layer_types", types}})).windows == Windows{16, 0, 16, 0});
  CHECK_THAT(complaint({{"model_type", "mistral"}, {"layer_types", types}}), Catch::Contains("layer_types"));
}

TEST_CASE("which layers have experts") {
  const json moe = {{"model_type", "qwen3_moe"}, {"num_experts", 8}, {"num_experts_per_tok", 2}};
  using Layers = std::vector<bool>;
  CHECK(parse(moe).experts == ExpertConfig{8, 2, 768, false, Layers(4, true)});
  CHECK(parse(with(moe, {{"decoder_sparse_step", 2}})).experts.layers == Layers{false, true, false, true});
  CHECK(parse(with(moe, {{"mlp_only_layers", {0, 3}}})).experts.layers == Layers{false, true, true, false});
  CHECK(parse(with(moe, {{"sliding_window", 16}})).windows.empty());
  CHECK(parse(with(moe, {{"sliding_window", 16}, {"use_sliding_window", true}})).windows == Windows(4, 16));
  CHECK_THAT(complaint(with(moe, {{"num_experts_per_tok", 9}})), Catch::Contains("num_experts_per_tok"));
  CHECK_THAT(complaint(with(moe, {{"num_experts", 1 << 20}})), Catch::Contains("num_experts"));
  CHECK_THAT(complaint(with(moe, {{"mlp_only_layers", {4}}})), Catch::Contains("mlp_only_layers"));
}

TEST_CASE("rope scaling: both spellings, unknown kinds and keys refused") {
  auto scaled = [](const json& scaling) { return json{{"model_type", "llama"}, {"rope_scaling", scaling}}; };
  const auto old_style = parse(with(scaled(yarn), {{"rope_theta", 5e5}}));
  const auto new_style = parse({{"model_type", "llama"}, {"rope_parameters", with(yarn, {{"rope_theta", 5e5}})}});
  CHECK(old_style == new_style);
  CHECK(old_style.rope.attention_factor == Approx((0.07 * std::log(4) + 1) / (0.05 * std::log(4) + 1)));
  CHECK(context_length(old_style) == 2048);
  CHECK(context_length(parse(scaled({{"rope_type", "linear"}, {"factor", 2.5}}))) == 5120);
  for (const auto* type : {"dynamic", "longrope", "mrope"})
    CHECK_THAT(complaint(scaled({{"rope_type", type}, {"factor", 2}})),
               Catch::Contains(type) && Catch::Contains("yarn"));
  CHECK_THAT(complaint(scaled({{"rope_type", "linear"}})), Catch::Contains("factor"));
  CHECK_THAT(complaint(scaled(with(yarn, {{"long_factor", {1, 2}}}))), Catch::Contains("long_factor"));
  CHECK_THAT(complaint(scaled({{"full_attention", yarn}})), Catch::Contains("full_attention"));
}

TEST_CASE("stretched frequencies: short waves stay, long ones are divided") {
  RopeScaling rope;
  const auto plain = rope_frequencies(1e4, 16, rope);
  CHECK(plain[0] == 1);
  CHECK(plain[4] == Approx(0.01));
  rope = {RopeType::linear, 2.5};
  for (std::size_t i = 0; i < 8; ++i) CHECK(rope_frequencies(1e4, 16, rope)[i] == Approx(plain[i] / 2.5));
  for (const auto type : {RopeType::llama3, RopeType::yarn}) {
    rope = {type, 8, 4096, 1, 4};
    const auto stretched = rope_frequencies(1e4, 16, rope);
    CHECK(stretched[0] == plain[0]);
    CHECK(stretched[7] == Approx(plain[7] / 8));
  }
}

TEST_CASE("a config that was read and written means the same and keeps its other keys; a changed one says the change") {
  const Folder folder;
  const json kept = {
      {"bos_token_id", 1}, {"torch_dtype", "bfloat16"}, {"eos_token_id", 3}, {"max_position_embeddings", 512}};
  const json configs[] = {
      {{"model_type", "qwen3"}, {"attention_bias", true}, {"head_dim", 16}},
      {{"model_type", "qwen2"}, {"use_sliding_window", true}, {"sliding_window", 16}, {"max_window_layers", 2}},
      {{"model_type", "llama"}, {"mlp_bias", true}, {"rope_parameters", with(yarn, {{"rope_theta", 5e5}})}},
      {{"model_type", "llama"},
       {"rope_scaling",
        {{"rope_type", "llama3"},
         {"factor", 8},
         {"low_freq_factor", 1},
         {"high_freq_factor", 4},
         {"original_max_position_embeddings", 64}}}},
      {{"model_type", "qwen3_moe"},
       {"num_experts", 8},
       {"num_experts_per_tok", 2},
       {"moe_intermediate_size", 24},
       {"norm_topk_prob", true},
       {"decoder_sparse_step", 2}},
      {{"model_type", "mistral"},
       {"sliding_window", 32},
       {"head_dim", 24},
       {"rope_scaling", {{"type", "linear"}, {"factor", 2}}}}};
  for (const auto& changes : configs) {
    const auto said = with(with(small, kept), changes);
    auto config = parse(with(kept, changes), {{"eos_token_id", {3, 5}}, {"temperature", 0.6}});
    INFO(said.dump());
    CHECK(folder.written(config) == said);
    CHECK(read_model_config(folder.path.string()) == config);
    config.dtype = DType::f32;
    CHECK(folder.written(config) == with(said, {{"torch_dtype", "float32"}}));
    config.max_positions = 1024;
    config.eos_tokens = {4};
    const auto written = folder.written(config);
    CHECK(written["max_position_embeddings"] == 1024);
    CHECK((written["eos_token_id"] == 4 && written["bos_token_id"] == 1));
    const auto again = read_model_config(folder.path.string());
    CHECK(again.rope.attention_factor == Approx(config.rope.attention_factor));
    config.rope.attention_factor = again.rope.attention_factor;
    CHECK(again == config);
    CHECK(again.origin.generation.find("temperature") != std::string::npos);
  }
}

TEST_CASE("a tokenizer must fit the embedding") {
  const auto config = parse({{"model_type", "llama"}});
  CHECK_NOTHROW(check_vocabulary(config, 320, "folder"));
  CHECK_THROWS_WITH(check_vocabulary(config, 321, "folder"), Catch::Contains("folder: ") &&
                                                                 Catch::Contains("up to 320") &&
                                                                 Catch::Contains("vocab_size is 320"));
}
