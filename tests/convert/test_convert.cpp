// Folders to checkpoints and back without any reference library: bits, ties, adapters, refusals, and no half exports.

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "checkpoint/checkpoint_writer.hpp"
#include "convert/convert.hpp"
#include "core/error.hpp"
#include "model/model_folder.hpp"
#include "model/peft_folder.hpp"
#include "model/safetensors.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

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

ModelConfig tiny() {
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

Tensors weights() {
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

Tensors adapter(const std::string& line = "") {
  Tensors made;
  const std::string module = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
  made.add(line + module + "A.weight", {2, 8});
  made.add(line + module + "B.weight", {8, 2});
  made.add(line + "adam.m." + module + "A.weight", {2, 8});  // a trainer's checkpoint holds more than is exported
  return made;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string make_base(const Folder& folder, DType type = DType::f32) {
  const std::string base = folder.at("base");
  save_weights(base, tiny(), weights().views, type);
  std::ofstream(base + "/tokenizer.json") << "{\"a tokenizer\": true}";
  std::ofstream(base + "/chat_template.jinja") << "{{ messages }}";
  std::ofstream(base + "/training_args.bin") << "not a part of a model";
  return base;
}

std::string make_checkpoint(const std::string& root, const Tensors& tensors, const std::string& configuration) {
  RunState state;
  state.step = 3;
  state.configuration = configuration;
  return commit_checkpoint(root, state, {write_shard(root, 3, 0, 1, tensors.views)});
}

std::string lora_settings(const std::string& base) {
  return "[model]\npolicy = " + base + "\n\n[trainer]\nlora_rank = 2\nlora_alpha = 6\nlora_targets = q_proj\n";
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a folder comes back from its checkpoint with the same bits, and needs no other folder for it") {
  for (const DType type : {DType::f32, DType::bf16}) {
    Folder folder;
    const std::string base = make_base(folder, type);
    const ConvertResult made = import_model(base, folder.at("checkpoint"));
    CHECK(fs::exists(made.path + "/manifest.h5"));
    fs::rename(base, folder.at("elsewhere"));
    export_checkpoint(folder.at("checkpoint"), folder.at("back"), {});
    CHECK(text_of(folder.path / "elsewhere/model.safetensors").size() ==
          text_of(folder.path / "back/model.safetensors").size());
    const SafetensorsFile before(folder.at("elsewhere/model.safetensors")), after(folder.at("back/model.safetensors"));
    REQUIRE(before.tensors().size() == after.tensors().size());
    CHECK(after.find("lm_head.weight") == nullptr);
    for (const ParameterView& tensor : before.tensors()) {
      const ParameterView* found = after.find(tensor.name);
      REQUIRE(found != nullptr);
      CHECK(found->type == type);
      CHECK(std::memcmp(found->data, tensor.data, tensor.bytes()) == 0);
    }
    const std::vector<std::string> files = {"chat_template.jinja", "config.json", "generation_config.json",
                                            "model.safetensors", "tokenizer.json"};
    CHECK(names_in(folder.path / "back") == files);
    for (const char* same : {"tokenizer.json", "chat_template.jinja", "config.json", "generation_config.json"})
      CHECK(text_of(folder.path / "elsewhere" / same) == text_of(folder.path / "back" / same));
  }
}

TEST_CASE("weights above the size of a file are cut, with an index that our reader follows") {
  Folder folder;
  import_model(make_base(folder), folder.at("checkpoint"));
  const ConvertResult made = export_checkpoint(folder.at("checkpoint"), folder.at("back"), {.file_bytes = 700});
  CHECK(made.files > 3);
  Tensors read = weights(), wanted = weights();
  for (auto& values : read.values) std::fill(values.begin(), values.end(), 0.0F);
  read_weights(folder.at("back"), tiny(), read.views);
  CHECK(read.values == wanted.values);
}

TEST_CASE("an adapter is added to its weight, or leaves by itself") {
  Folder folder;
  const std::string base = make_base(folder);
  const Tensors trained = adapter();
  make_checkpoint(folder.at("run/checkpoints"), trained, lora_settings(base));
  export_checkpoint(folder.at("run"), folder.at("merged"), {.lora = LoraExport::merged});
  export_checkpoint(folder.at("run"), folder.at("peft"), {.lora = LoraExport::adapter});
  const SafetensorsFile merged(folder.at("merged/model.safetensors"));
  const Tensors start = weights();
  for (std::size_t i = 0; i < start.views.size(); ++i) {
    const ParameterView* found = merged.find(start.views[i].name);
    REQUIRE(found != nullptr);
    const auto* values = static_cast<const float*>(found->data);
    const bool target = found->name.ends_with("q_proj.weight");
    for (std::size_t e = 0; e < start.values[i].size(); ++e) {
      const std::size_t row = e / 8, column = e % 8;
      const float product = trained.values[1][2 * row] * trained.values[0][column] +
                            trained.values[1][2 * row + 1] * trained.values[0][8 + column];
      const float wanted = start.values[i][e] + (target ? 3 * product : 0);
      CHECK(values[e] == Approx(wanted).margin(1e-6));
    }
  }
  const LoraConfig lora = read_peft_config(folder.at("peft"));
  CHECK(lora.rank == 2);
  CHECK(lora.alpha == 6);
  CHECK(lora.targets == std::vector<std::string>{"q_proj"});
  const SafetensorsFile peft(folder.at("peft/adapter_model.safetensors"));
  REQUIRE(peft.tensors().size() == 2);
  for (const ParameterView& tensor : peft.tensors()) {
    const bool is_a = tensor.name.ends_with("lora_A.weight");
    CHECK(std::memcmp(tensor.data, trained.values[is_a ? 0 : 1].data(), tensor.bytes()) == 0);
  }
}

TEST_CASE("each policy line's adapter leaves under its own name") {
  Folder folder;
  const std::string base = make_base(folder);
  Tensors trained = adapter(), user = adapter("line.0f3a.");
  for (auto& values : user.values)
    for (float& value : values) value += 1;
  trained.views.insert(trained.views.end(), user.views.begin(), user.views.end());
  make_checkpoint(folder.at("run/checkpoints"), trained, lora_settings(base));
  export_checkpoint(folder.at("run"), folder.at("main"), {.lora = LoraExport::adapter});
  export_checkpoint(folder.at("run"), folder.at("user"), {.lora = LoraExport::adapter, .line = "0f3a"});
  export_checkpoint(folder.at("run"), folder.at("merged"), {.lora = LoraExport::merged, .line = "0f3a"});
  const SafetensorsFile shared(folder.at("main/adapter_model.safetensors")),
      own(folder.at("user/adapter_model.safetensors"));
  REQUIRE(own.tensors().size() == 2);
  for (const ParameterView& tensor : own.tensors()) {
    const bool is_a = tensor.name.ends_with("lora_A.weight");
    CHECK(std::memcmp(tensor.data, user.values[is_a ? 0 : 1].data(), tensor.bytes()) == 0);
    REQUIRE(shared.find(tensor.name) != nullptr);
    CHECK(std::memcmp(tensor.data, shared.find(tensor.name)->data, tensor.bytes()) != 0);
  }
  CHECK_THROWS_WITH(
      export_checkpoint(folder.at("run"), folder.at("none"), {.lora = LoraExport::adapter, .line = "bob"}),
      Catch::Contains("convert.line = bob") && Catch::Contains("0f3a, main"));
}

TEST_CASE("a line on top of the shared one leaves with it: as one adapter of twice the rank, or merged") {
  Folder folder;
  const std::string base = make_base(folder);
  Tensors trained = adapter(), user = adapter("line.0f3a.");
  for (auto& values : user.values)
    for (float& value : values) value += 1;
  trained.views.insert(trained.views.end(), user.views.begin(), user.views.end());
  make_checkpoint(folder.at("run/checkpoints"), trained, lora_settings(base) + "\n[policy]\nlines = both\n");
  export_checkpoint(folder.at("run"), folder.at("user"), {.lora = LoraExport::adapter, .line = "0f3a"});
  const SafetensorsFile file(folder.at("user/adapter_model.safetensors"));
  const auto* a = file.find("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
  const auto* b = file.find("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight");
  REQUIRE((a && b));
  CHECK(a->shape == std::vector<std::int64_t>{4, 8});
  CHECK(b->shape == std::vector<std::int64_t>{8, 4});
  const auto value = [](const ParameterView* view, std::int64_t row, std::int64_t column) {
    return static_cast<const float*>(view->data)[row * view->shape[1] + column];
  };
  for (std::int64_t i = 0; i < 8; ++i)
    for (std::int64_t r = 0; r < 2; ++r) {
      CHECK(value(a, r, i) == trained.values[0][static_cast<std::size_t>(r * 8 + i)]);
      CHECK(value(a, 2 + r, i) == user.values[0][static_cast<std::size_t>(r * 8 + i)]);
      CHECK(value(b, i, r) == trained.values[1][static_cast<std::size_t>(i * 2 + r)]);
      CHECK(value(b, i, 2 + r) == user.values[1][static_cast<std::size_t>(i * 2 + r)]);
    }
  LoraConfig served;
  served.adapter = folder.at("user");
  CHECK(resolve_lora(served).scaling() == 3);  // as lora_settings() say
  export_checkpoint(folder.at("run"), folder.at("shared"), {.lora = LoraExport::adapter});
  served.adapter = folder.at("shared");
  CHECK(resolve_lora(served).rank == 2);
  export_checkpoint(folder.at("run"), folder.at("merged"), {.lora = LoraExport::merged, .line = "0f3a"});
  const SafetensorsFile merged(folder.at("merged/model.safetensors"));
  const auto* q = merged.find("model.layers.0.self_attn.q_proj.weight");
  REQUIRE(q != nullptr);
  const Tensors before = weights();
  const auto found = std::find_if(before.views.begin(), before.views.end(),
                                  [&](const ParameterView& view) { return view.name == q->name; });
  double sum = static_cast<const float*>(found->data)[0];
  for (std::int64_t r = 0; r < 4; ++r) sum += 3.0 * value(b, 0, r) * value(a, r, 0);
  CHECK(value(q, 0, 0) == Approx(sum));
}

TEST_CASE("what cannot be converted is refused by name, and nothing is left behind") {
  Folder folder;
  const std::string base = make_base(folder);
  make_checkpoint(folder.at("lora"), adapter(), lora_settings(base));
  make_checkpoint(folder.at("full"), weights(), "[model]\npolicy = " + base + "\n");
  make_checkpoint(folder.at("lost"), weights(), "[model]\npolicy = /nowhere/model\n");
  Tensors less = weights(), other = adapter();
  less.views.pop_back();
  other.views[0].shape = {2, 4};
  make_checkpoint(folder.at("less"), less, "[model]\npolicy = " + base + "\n");
  make_checkpoint(folder.at("other"), other, lora_settings(base));
  fs::create_directories(folder.path / "empty");
  fs::create_directories(folder.path / "taken");
  std::ofstream(folder.at("taken/file")) << "mine";
  const auto before = names_in(folder.path);
  const auto refused = [&](const std::string& from, const ExportSettings& settings, const std::string& said) {
    INFO(from);
    CHECK_THROWS_WITH(export_checkpoint(from, folder.at("out"), settings), Contains(said));
    CHECK(names_in(folder.path) == before);
  };
  refused(folder.at("lora"), {}, "say merged or adapter");
  refused(folder.at("full"), {.lora = LoraExport::merged}, "has no adapter");
  refused(folder.at("lost"), {}, "/nowhere/model");
  refused(folder.at("less"), {}, "model.layers.0.mlp.down_proj.weight");
  refused(folder.at("other"), {.lora = LoraExport::merged}, "q_proj");
  refused(folder.at("other"), {.lora = LoraExport::adapter}, "q_proj.lora_A.weight has another shape");
  refused(folder.at("empty"), {}, "neither a model folder");
  refused(folder.at("absent"), {}, "absent");
  refused(folder.at("full"), {.base = folder.at("empty")}, "convert.base");
  CHECK_THROWS_WITH(export_checkpoint(folder.at("full"), folder.at("taken"), {}), Contains("is there already"));
  CHECK_THROWS_WITH(import_model(base, folder.at("taken")), Contains("is there already"));
  CHECK(text_of(folder.path / "taken/file") == "mine");
  export_checkpoint(folder.at("full"), folder.at("empty"), {});  // an empty folder may be filled
  CHECK(fs::exists(folder.path / "empty/model.safetensors"));
}

TEST_CASE("a folder whose tensors are not those of its config.json does not become a checkpoint") {
  Folder folder;
  const auto refused = [&](const Tensors& tensors, const std::string& said) {
    save_weights(folder.at("base"), tiny(), tensors.views);
    CHECK_THROWS_WITH(import_model(folder.at("base"), folder.at("out")), Contains("base: ") && Contains(said));
    CHECK(names_in(folder.path) == std::vector<std::string>{"base"});
  };
  Tensors less = weights(), more = weights(), other = weights();
  less.views.pop_back();
  more.add("model.layers.0.self_attn.q_proj.bias", {8});
  other.views.back().shape = {12, 8};
  refused(less, "lacks tensor model.layers.0.mlp.down_proj.weight");
  refused(more, "tensor model.layers.0.self_attn.q_proj.bias belongs to no part");
  refused(other, "tensor model.layers.0.mlp.down_proj.weight has another shape");
}

TEST_CASE("damage is found while a checkpoint is exported, and nothing is left behind") {
  Folder folder;
  const std::string base = make_base(folder);
  const std::string step = make_checkpoint(folder.at("full"), weights(), "[model]\npolicy = " + base + "\n");
  std::string bytes = text_of(step + "/shard_0_of_1.h5");
  const Tensors tensors = weights();
  const auto& embedding = tensors.values[0];
  const auto at = bytes.find(std::string(reinterpret_cast<const char*>(embedding.data()), embedding.size() * 4));
  REQUIRE(at != std::string::npos);
  bytes[at + 5] ^= 0x10;
  std::ofstream(step + "/shard_0_of_1.h5", std::ios::binary) << bytes;
  const auto before = names_in(folder.path);
  CHECK_THROWS_WITH(export_checkpoint(step, folder.at("out"), {}), Contains("model.embed_tokens.weight"));
  CHECK(names_in(folder.path) == before);
}

TEST_CASE("a disk that fills up is a sentence, and no half export is left") {
  Folder folder;
  const std::string base = make_base(folder);
  make_checkpoint(folder.at("full"), weights(), "[model]\npolicy = " + base + "\n");
  const auto before = names_in(folder.path);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // its limit ends with it
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      export_checkpoint(folder.at("full"), folder.at("out"), {});
    } catch (const UserError& error) {
      ::_exit(std::string(error.what()).find("model.safetensors: cannot be written") != std::string::npos ? 7 : 8);
    }
    ::_exit(9);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(names_in(folder.path) == before);
}
