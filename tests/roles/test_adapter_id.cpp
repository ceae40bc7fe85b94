// A run does not go on with another adapter than it began with.

#include "roles/adapter_id.hpp"

#include <unistd.h>

#include <filesystem>
#include <set>
#include <vector>

#include "core/error.hpp"
#include "model/peft_folder.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

struct Folder {
  std::string path =
      (std::filesystem::temp_directory_path() / ("clawrl_adapter_" + std::to_string(::getpid()))).string();
  ~Folder() { std::filesystem::remove_all(path); }
};

void save(const std::string& folder, LoraConfig lora, float value) {
  std::vector<float> a(2 * 16, value), b(16 * 2, value);
  const std::string module = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
  const std::vector<ParameterView> views = {{module + "A.weight", DType::f32, {2, 16}, a.data()},
                                            {module + "B.weight", DType::f32, {16, 2}, b.data()}};
  save_peft(folder, "base", lora, views);
}

}  // namespace

TEST_CASE("an adapter's id tells rank, alpha, targets, rslora and starting weights apart, and nothing else") {
  CHECK(adapter_id({}).empty());
  CHECK(adapter_id({2, 16, {"q_proj", "v_proj"}}) == adapter_id({2, 16, {"v_proj", "q_proj"}}));
  const Folder folder;
  LoraConfig saved{2, 16, {"q_proj"}};
  std::set<std::string> ids = {"", adapter_id({2}), adapter_id({4}), adapter_id({2, 16.000002F}), adapter_id(saved)};
  save(folder.path, saved, 1);
  ids.insert(adapter_id({.adapter = folder.path}));
  const std::string moved = folder.path + "/moved";
  save(moved, saved, 1);
  CHECK(adapter_id({.adapter = moved}) == adapter_id({.adapter = folder.path}));
  save(folder.path, saved, 2);
  ids.insert(adapter_id({.adapter = folder.path}));
  saved.rslora = true;
  save(folder.path, saved, 2);
  ids.insert(adapter_id({.adapter = folder.path}));
  CHECK(ids.size() == 8);
}

TEST_CASE("another adapter than the recorded one is refused by name") {
  const std::string before = adapter_id({8, 16}), now = adapter_id({8, 32});
  CHECK_NOTHROW(require_same_adapter("the journal", before, before));
  CHECK_THROWS_WITH(require_same_adapter("the journal j", before, now),
                    Catch::Contains("the journal j") && Catch::Contains("lora_alpha") && Catch::Contains("alpha 16") &&
                        Catch::Contains("alpha 32"));
  CHECK_THROWS_WITH(require_same_adapter("the journal", "", now), Catch::Contains("full weights"));
}
