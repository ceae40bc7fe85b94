// Folders to checkpoints and back without any reference library: bits, ties, refusals, and no half exports.

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "convert/convert.hpp"
#include "convert/convert_bench.hpp"
#include "core/error.hpp"
#include "model/safetensors.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Catch::Matchers::Contains;

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
