#include "model/model_folder.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "model/safetensors.hpp"
#include "support/catch.hpp"

using namespace clawrl;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("clawrl_model_folder_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string text() const { return path.string(); }
};

ModelConfig small_config() {
  ModelConfig config;
  config.vocab_size = 32;
  config.hidden_size = 16;
  config.intermediate_size = 48;
  config.num_layers = 1;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 8;
  config.max_positions = 64;
  config.rope_theta = 12345.5;
  config.tied_embeddings = false;
  config.eos_tokens = {3, 5};
  return config;
}

// What reading config.json says after one key was changed.
std::string complaint(const char* key, const json& value) {
  const Folder folder;
  write_model_config(small_config(), folder.text());
  const auto path = folder.path / "config.json";
  std::ifstream in(path);
  auto config = json::parse(in);
  if (value.is_discarded())
    config.erase(key);
  else
    config[key] = value;
  std::ofstream(path) << config.dump();
  try {
    read_model_config(folder.text());
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a config reads back as it was written") {
  const Folder folder;
  write_model_config(small_config(), folder.text());
  CHECK(read_model_config(folder.text()) == small_config());
}

TEST_CASE("what is not supported is refused by name") {
  const json absent(json::value_t::discarded);
  CHECK(complaint("use_cache", false).empty());
  CHECK_THAT(complaint("model_type", "gpt2"), Catch::Contains("'gpt2'") && Catch::Contains("qwen3, qwen3_moe, qwen2, llama"));
  CHECK_THAT(complaint("model_type", absent), Catch::Contains("model_type ''"));
  CHECK_THAT(complaint("hidden_act", "gelu"), Catch::Contains("hidden_act"));
  CHECK_THAT(complaint("mlp_bias", true), Catch::Contains("mlp_bias"));
  CHECK_THAT(complaint("quantization_config", {{"bits", 4}}), Catch::Contains("quantization_config"));
  CHECK_THAT(complaint("partial_rotary_factor", 0.5), Catch::Contains("partial_rotary_factor"));
  CHECK_THAT(complaint("attn_logit_softcapping", 50.0), Catch::Contains("attn_logit_softcapping"));
  CHECK_THAT(complaint("layer_types", {"linear_attention"}), Catch::Contains("linear_attention"));
  CHECK_THAT(complaint("layer_types", {"sliding_attention"}), Catch::Contains("no sliding_window is in use"));
  CHECK_THAT(complaint("layer_types", json::array()), Catch::Contains("every layer"));
  CHECK_THAT(complaint("num_attention_heads", 3), Catch::Contains("multiple"));
  CHECK_THAT(complaint("hidden_size", absent), Catch::Contains("hidden_size"));
  CHECK_THAT(complaint("hidden_size", -1), Catch::Contains("hidden_size"));
  CHECK_THAT(complaint("hidden_size", 18446744073709551615ULL), Catch::Contains("hidden_size"));
  CHECK_THAT(complaint("num_hidden_layers", 1000000), Catch::Contains("num_hidden_layers"));
  CHECK_THAT(complaint("vocab_size", "many"), Catch::Contains("vocab_size"));
  CHECK_THAT(complaint("dtype", "float8"), Catch::Contains("float8"));
  CHECK_THROWS_WITH(read_model_config("/nowhere"), Catch::Contains("/nowhere/config.json"));
}

TEST_CASE("weights are checked by name and shape, and converted to the type asked for") {
  const Folder folder;
  const auto config = small_config();
  std::vector<float> a{0.5F, -1.25F, 3.0F, 1.0F / 3}, b(4);
  const ParameterView stored{"model.norm.weight", DType::f32, {4}, a.data()};
  const ParameterView wanted{"model.norm.weight", DType::f32, {4}, b.data()};
  save_weights(folder.text(), config, {&stored, 1});
  read_weights(folder.text(), config, {&wanted, 1});
  CHECK(b == a);
  save_weights(folder.text(), config, {&stored, 1}, DType::bf16);
  CHECK(SafetensorsFile(folder.text() + "/model.safetensors").tensors()[0].type == DType::bf16);
  read_weights(folder.text(), config, {&wanted, 1});
  CHECK(b == std::vector<float>{0.5F, -1.25F, 3.0F, 0.333984375F});

  auto other = wanted;
  other.name = "model.other.weight";
  CHECK_THROWS_WITH(read_weights(folder.text(), config, {&other, 1}), Catch::Contains("model.other.weight is missing"));
  other = wanted;
  other.shape = {2, 2};
  CHECK_THROWS_WITH(read_weights(folder.text(), config, {&other, 1}),
                    Catch::Contains("[4]") && Catch::Contains("[2, 2]"));
  CHECK_THROWS_WITH(read_weights(folder.text(), config, {}), Catch::Contains("belongs to no part"));
  std::vector<std::int64_t> integers(4);
  write_safetensors(folder.text() + "/model.safetensors", {{"model.norm.weight", DType::i64, {4}, integers.data()}});
  CHECK_THROWS_WITH(read_weights(folder.text(), config, {&wanted, 1}), Catch::Contains("model.norm.weight"));
  fs::remove(folder.path / "model.safetensors");
  CHECK_THROWS_WITH(read_weights(folder.text(), config, {&wanted, 1}), Catch::Contains("model.safetensors"));
}

TEST_CASE("shards are what the index says, or refused with its tensor and file") {
  const Folder folder;
  const auto config = small_config();
  std::vector<float> a{1, 2, 3, 4}, b{5, 6}, read_a(4), read_b(2);
  write_safetensors(folder.text() + "/one.safetensors", {{"a", DType::f32, {4}, a.data()}}, {}, DType::bf16);
  write_safetensors(folder.text() + "/two.safetensors", {{"b", DType::f32, {2}, b.data()}});
  const std::vector<ParameterView> views{{"a", DType::f32, {4}, read_a.data()}, {"b", DType::f32, {2}, read_b.data()}};
  const auto refusal = [&](const std::string& index) -> std::string {
    std::ofstream(folder.text() + "/model.safetensors.index.json") << index;
    try {
      read_weights(folder.text(), config, views);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  const auto map = [](const std::string& entries) {
    return R"({"metadata":{"x":[1]},"weight_map":{)" + entries + "}}";
  };
  CHECK(refusal(map(R"("a":"one.safetensors","b":"two.safetensors")")).empty());
  CHECK((read_a == a && read_b == b));
  CHECK_THAT(refusal(map(R"("a":"one.safetensors")")), Catch::Contains("tensor b is missing"));
  CHECK_THAT(refusal(map(R"("a":"two.safetensors","b":"two.safetensors")")),
             Catch::Contains("two.safetensors: lacks tensor a"));
  CHECK_THAT(refusal(map(R"("a":"one.safetensors","b":"three.safetensors")")),
             Catch::Contains("three.safetensors: is missing") && Catch::Contains("tensor b"));
  for (const char* file : {R"("../one.safetensors")", R"("/etc/passwd")", R"("..")", R"("")", "3", R"(["x"])", "{}",
                           R"("one.safetensors\u0000x")"})
    CHECK_THAT(refusal(map(std::string(R"("a":)") + file)), Catch::Contains("tensor a must name a file of the same"));
  CHECK_THAT(refusal(map(R"("a":"one.safetensors","a":"two.safetensors")")),
             Catch::Contains("tensor a is there twice"));
  CHECK_THAT(refusal("{}"), Catch::Contains("no weight_map"));
  CHECK_THAT(refusal(map("")), Catch::Contains("names no tensor"));
  CHECK_THAT(refusal("[]"), Catch::Contains("no weight_map"));
  CHECK_THAT(refusal(R"({"weight_map":)"), Catch::Contains("index.json: is not JSON"));
  CHECK_THAT(refusal(std::string(1'000'000, '[')), Catch::Contains("index.json"));
}
