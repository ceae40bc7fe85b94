#pragma once
// A tiny model, adapters on it, and checkpoints of both, for the tests of convert/.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_writer.hpp"
#include "model/model_folder.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

namespace fs = std::filesystem;

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "clawrl_convert_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string at(const std::string& name) const { return (path / name).string(); }
};

struct Tensors {
  std::vector<std::vector<float>> values;
  std::vector<ParameterView> views;
  void add(const std::string& name, std::vector<std::int64_t> shape) {
    ParameterView view{name, DType::f32, std::move(shape), nullptr, MemorySpace::host};
    auto& numbers = values.emplace_back(static_cast<std::size_t>(view.elements()));
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = 0.01F * static_cast<float>((i * 37 + 11 * values.size()) % 199) - 1.0F;
    view.data = numbers.data();
    views.push_back(view);
  }
};

inline ModelConfig tiny() {
  ModelConfig config;
  config.vocab_size = 64;
  config.hidden_size = 8;
  config.intermediate_size = 12;
  config.num_layers = 1;
  config.num_heads = 2;
  config.num_kv_heads = 1;
  config.head_dim = 4;
  config.eos_tokens = {1};
  return config;
}

inline Tensors weights() {
  Tensors made;
  const std::string layer = "model.layers.0.";
  made.add("model.embed_tokens.weight", {64, 8});
  made.add("model.norm.weight", {8});
  for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) made.add(layer + norm + ".weight", {8});
  for (const char* norm : {"q_norm", "k_norm"}) made.add(layer + "self_attn." + norm + ".weight", {4});
  made.add(layer + "self_attn.q_proj.weight", {8, 8});
  made.add(layer + "self_attn.k_proj.weight", {4, 8});
  made.add(layer + "self_attn.v_proj.weight", {4, 8});
  made.add(layer + "self_attn.o_proj.weight", {8, 8});
  made.add(layer + "mlp.gate_proj.weight", {12, 8});
  made.add(layer + "mlp.up_proj.weight", {12, 8});
  made.add(layer + "mlp.down_proj.weight", {8, 12});
  return made;
}

inline Tensors adapter(const std::string& line = "") {
  Tensors made;
  const std::string module = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
  made.add(line + module + "A.weight", {2, 8});
  made.add(line + module + "B.weight", {8, 2});
  made.add(line + "adam.m." + module + "A.weight", {2, 8});  // a trainer's checkpoint holds more than is exported
  return made;
}

inline std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string make_base(const Folder& folder, DType type = DType::f32) {
  const std::string base = folder.at("base");
  save_weights(base, tiny(), weights().views, type);
  std::ofstream(base + "/tokenizer.json") << "{\"a tokenizer\": true}";
  std::ofstream(base + "/chat_template.jinja") << "{{ messages }}";
  std::ofstream(base + "/training_args.bin") << "not a part of a model";
  return base;
}

inline std::string make_checkpoint(const std::string& root, const Tensors& tensors, const std::string& configuration) {
  RunState state;
  state.step = 3;
  state.configuration = configuration;
  return commit_checkpoint(root, state, {write_shard(root, 3, 0, 1, tensors.views)});
}

inline std::string lora_settings(const std::string& base) {
  return "[model]\npolicy = " + base + "\n\n[trainer]\nlora_rank = 2\nlora_alpha = 6\nlora_targets = q_proj\n";
}

inline std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace clawrl::test
