// Ranks whose folders differ must not serve and train side by side.

#include "roles/node_images.hpp"

#include <unistd.h>

#include <filesystem>
#include <vector>

#include "core/error.hpp"
#include "model/peft_folder.hpp"
#include "model/policy.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("clawrl_images_" + std::to_string(::getpid()));
  ~Folder() { std::filesystem::remove_all(path); }
  std::string at(const char* name) const { return (path / name).string(); }
};

ModelConfig tiny() {
  ModelConfig config;
  config.vocab_size = 32;
  config.hidden_size = config.intermediate_size = 16;
  config.num_layers = config.num_heads = config.num_kv_heads = 1;
  config.head_dim = 16;
  return config;
}

std::string make_adapter(const std::string& folder, float value) {
  std::vector<float> a(2 * 16, value), b(16 * 2, value);
  const std::string module = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
  const std::vector<ParameterView> views = {{module + "A.weight", DType::f32, {2, 16}, a.data()},
                                            {module + "B.weight", DType::f32, {16, 2}, b.data()}};
  LoraConfig lora;
  lora.rank = 2;
  lora.targets = {"q_proj"};
  save_peft(folder, "base", lora, views);
  return folder;
}

}  // namespace

TEST_CASE("ranks with different starting adapters do not start") {
  const auto world = Communicator::borrow_world();
  const auto map = RoleMap::serving(world.size());
  const Folder folder;
  RunConfig config;
  config.model.policy = folder.at("model");
  write_random_model(tiny(), 1, config.model.policy);
  CHECK(load_node_images(world, map, config).sampler != nullptr);
  config.trainer.lora.adapter = make_adapter(folder.at("same"), 1);
  CHECK(load_node_images(world, map, config).sampler != nullptr);
  config.trainer.lora.adapter = make_adapter(folder.at("other"), static_cast<float>(1 + world.rank()));
  if (world.size() == 1) {
    CHECK(load_node_images(world, map, config).sampler != nullptr);
  } else {
    CHECK_THROWS_WITH(load_node_images(world, map, config), Catch::Contains("another adapter in"));
  }
}

TEST_CASE("a rank loads the judge or, in self-analysis, none; and the teacher's folder where one is named") {
  const auto world = Communicator::borrow_world();
  const auto map = RoleMap::proportional(world.size());
  const Folder folder;
  RunConfig config;
  config.model.policy = folder.at("model");
  config.model.prm = folder.at("no_such_judge");
  config.prm.evaluator = "self";
  config.prm.teacher = folder.at("teacher");
  write_random_model(tiny(), 1, config.model.policy);
  write_random_model(tiny(), 2, config.prm.teacher);
  const bool judges = map.plays(world.rank(), Role::prm);
  const auto images = load_node_images(world, map, config);
  CHECK(images.judge == nullptr);
  CHECK((images.other != nullptr) == judges);
  if (judges) CHECK(images.other->hash() != images.teacher->hash());
  if (world.size() > 1) return;  // a rank that throws before a collective load leaves the others to the job's abort
  config.prm.evaluator = "judge";
  CHECK_THROWS_AS(load_node_images(world, map, config), UserError);
}
