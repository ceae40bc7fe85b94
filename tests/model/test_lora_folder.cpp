// PEFT folders: what is written is read back, what we would not compute exactly is refused by name; merging.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "model/merge.hpp"
#include "model/peft_folder.hpp"
#include "model/safetensors.hpp"
#include "support/catch.hpp"

using namespace clawrl;
namespace fs = std::filesystem;

namespace {

// Tensors with memory of their own.
struct Tensors {
  std::vector<std::vector<float>> memory;
  std::vector<ParameterView> views;
  void add(const std::string& name, std::int64_t rows, std::int64_t columns, float first) {
    auto& values = memory.emplace_back(static_cast<std::size_t>(rows * columns));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + 0.25F * static_cast<float>(i % 7);
    views.push_back({name, DType::f32, {rows, columns}, values.data()});
  }
};

constexpr std::int64_t hidden = 8, inner = 12;

Tensors adapter(std::int32_t rank) {
  Tensors t;
  for (const std::string layer : {"0", "1"}) {
    const auto module = "base_model.model.model.layers." + layer + ".mlp.up_proj.";
    t.add(module + "lora_A.weight", rank, hidden, 0.5F);
    t.add(module + "lora_B.weight", inner, rank, -1);
  }
  return t;
}

Tensors base() {
  Tensors t;
  t.add("model.embed_tokens.weight", 4, hidden, 1);
  for (const std::string layer : {"0", "1"}) t.add("model.layers." + layer + ".mlp.up_proj.weight", inner, hidden, 2);
  return t;
}

ModelConfig two_layers() {
  ModelConfig config;
  config.num_layers = 2;
  return config;
}

struct Folder {
  fs::path path = fs::temp_directory_path() / ("clawrl_peft_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string name() const { return path.string(); }
  void change(const std::string& key, const nlohmann::json& value) const {
    std::ifstream in(path / "adapter_config.json");
    auto config = nlohmann::json::parse(in);
    config[key] = value;
    std::ofstream(path / "adapter_config.json") << config;
  }
};

const LoraConfig kLora{3, 6, {"up_proj"}};

}  // namespace

TEST_CASE("an adapter folder gives back what was saved") {
  const Folder folder;
  const auto saved = adapter(3);
  for (const auto type : {DType::f32, DType::bf16, DType::f16}) {
    save_peft(folder.name(), "some/base", kLora, saved.views, type);
    const auto lora = read_peft_config(folder.name());
    CHECK((lora.rank == 3 && lora.alpha == 6 && lora.targets == kLora.targets && !lora.rslora));
    CHECK(lora.adapter == folder.name());
    auto loaded = adapter(3);
    for (auto& values : loaded.memory) std::fill(values.begin(), values.end(), 0.0F);
    read_peft_weights(folder.name(), loaded.views);
    CHECK(loaded.memory == saved.memory);  // eighths: exact in every type
    const SafetensorsFile file(folder.name() + "/adapter_model.safetensors");
    CHECK(file.tensors().at(0).type == type);
  }
}

TEST_CASE("the scale, all linear layers and the starting point of training") {
  const Folder folder;
  save_peft(folder.name(), "", {4, 8, {"up_proj"}, "", true}, {});
  CHECK(read_peft_config(folder.name()).scaling() == 4.0);
  folder.change("use_rslora", false);
  CHECK(read_peft_config(folder.name()).scaling() == 2.0);
  folder.change("target_modules", "all-linear");
  CHECK(read_peft_config(folder.name()).targets == LoraConfig().targets);
  folder.change("lora_dropout", 0.1);
  CHECK(read_peft_config(folder.name()).dropout == 0.1);

  CHECK(resolve_lora({5, 7}).rank == 5);
  const auto found = resolve_lora({.adapter = folder.name()});
  CHECK((found.rank == 4 && found.alpha == 8));
  const auto all = LoraConfig().targets;
  CHECK(resolve_lora({4, 8, all, folder.name()}).targets == all);
  CHECK_THROWS_WITH(resolve_lora({5, 8, all, folder.name()}), Catch::Contains("rank 5"));
  CHECK_THROWS_WITH(resolve_lora({4, 9, all, folder.name()}), Catch::Contains("alpha 9"));
  CHECK_THROWS_WITH(resolve_lora({4, 8, {"q_proj"}, folder.name()}), Catch::Contains("q_proj"));
}

TEST_CASE("options that change what an adapter computes are refused by name") {
  const Folder folder;
  const std::vector<std::pair<std::string, nlohmann::json>> refused = {{"use_dora", true},
                                                                       {"bias", "all"},
                                                                       {"lora_bias", true},
                                                                       {"fan_in_fan_out", true},
                                                                       {"peft_type", "IA3"},
                                                                       {"rank_pattern", {{"q_proj", 4}}},
                                                                       {"alpha_pattern", {{"q_proj", 4}}},
                                                                       {"modules_to_save", {"lm_head"}},
                                                                       {"layers_to_transform", {0, 1}},
                                                                       {"layer_replication", {{0, 1}}},
                                                                       {"target_parameters", {"x"}},
                                                                       {"exclude_modules", "q_proj"},
                                                                       {"trainable_token_indices", {1}},
                                                                       {"use_qalora", true},
                                                                       {"alora_invocation_tokens", {1}},
                                                                       {"init_lora_weights", "pissa"},
                                                                       {"task_type", "SEQ_CLS"},
                                                                       {"target_modules", ".*proj"},
                                                                       {"target_modules", {"lm_head"}},
                                                                       {"target_modules", nlohmann::json::array()},
                                                                       {"r", 0},
                                                                       {"r", "8"},
                                                                       {"lora_alpha", -1},
                                                                       {"lora_alpha", "x"},
                                                                       {"lora_dropout", 2},
                                                                       {"use_rslora", 1},
                                                                       {"an_option_of_next_year", true}};
  for (const auto& [key, value] : refused) {
    save_peft(folder.name(), "", kLora, {});
    CHECK(read_peft_config(folder.name()).rank == 3);
    folder.change(key, value);
    CHECK_THROWS_WITH(read_peft_config(folder.name()), Catch::Contains("adapter_config.json: " + key));
  }
  std::ofstream(folder.path / "adapter_config.json") << "[1, 2";
  CHECK_THROWS_AS(read_peft_config(folder.name()), UserError);
  CHECK_THROWS_WITH(read_peft_config(folder.name() + "/none"), Catch::Contains("cannot be read"));
}

TEST_CASE("adapter tensors that do not fit are refused by name") {
  const Folder folder;
  const auto stored = adapter(3), other_rank = adapter(2);
  save_peft(folder.name(), "", kLora, stored.views);
  CHECK_THROWS_WITH(read_peft_weights(folder.name(), other_rank.views), Catch::Contains("[3,8]"));
  CHECK_THROWS_WITH(read_peft_weights(folder.name(), std::span(stored.views).first(2)),
                    Catch::Contains("layers.1.mlp.up_proj.lora_A.weight belongs to none"));
  const auto weights = base();
  CHECK_THROWS_WITH(read_peft_weights(folder.name(), weights.views), Catch::Contains("embed_tokens.weight is missing"));
  CHECK_THROWS_AS(save_peft(folder.name(), "", kLora, weights.views), UserError);
  std::filesystem::rename(folder.path / "adapter_model.safetensors", folder.path / "adapter_model.bin");
  CHECK_THROWS_WITH(read_peft_config(folder.name()),
                    Catch::Contains("adapter_model.bin") && Catch::Contains("save the adapter as safetensors"));
}

TEST_CASE("merging adds alpha / r B A to the targets and nothing else") {
  auto merged = base();
  const auto before = base(), lora = adapter(3);
  merge_adapter(two_layers(), merged.views, kLora, lora.views);
  CHECK(merged.memory[0] == before.memory[0]);
  for (const std::size_t layer : {0, 1})
    for (std::size_t o = 0; o < inner; ++o)
      for (std::size_t i = 0; i < hidden; ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < 3; ++k)
          sum += lora.memory[2 * layer + 1][o * 3 + k] * lora.memory[2 * layer][k * 8 + i];
        CHECK(merged.memory[layer + 1][o * 8 + i] ==
              Approx(before.memory[layer + 1][o * 8 + i] + 2 * sum).epsilon(1e-6));
      }
  auto untouched = base();
  const auto other = adapter(2);
  CHECK_THROWS_WITH(merge_adapter(two_layers(), untouched.views, kLora, other.views), Catch::Contains("rank 3"));
  CHECK_THROWS_WITH(merge_adapter(two_layers(), std::span(untouched.views).first(2), kLora, lora.views),
                    Catch::Contains("model.layers.1.mlp.up_proj.weight is missing"));
  CHECK_THROWS_AS(merge_adapter(two_layers(), untouched.views, kLora, std::span(lora.views).first(2)), UserError);
  CHECK(untouched.memory == before.memory);
}
