// Adapters that leave a checkpoint: merged, by themselves, and of one policy line among several.

#include <cstring>

#include "convert/convert.hpp"
#include "convert/convert_bench.hpp"
#include "model/peft_folder.hpp"
#include "model/safetensors.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

/// The views of both lines in `trained`, the user's with values of their own.
void join(Tensors& trained, Tensors& user) {
  for (auto& values : user.values)
    for (float& value : values) value += 1;
  trained.views.insert(trained.views.end(), user.views.begin(), user.views.end());
}

}  // namespace

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
  join(trained, user);
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
  join(trained, user);
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
