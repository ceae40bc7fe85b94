#include "roles/node_images.hpp"

#include <optional>
#include <string>
#include <vector>

#include "comm/agreement.hpp"
#include "comm/node_memory.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"
#include "prm/judge.hpp"
#include "roles/adapter_id.hpp"
#include "trainer/learner.hpp"

namespace clawrl {
namespace {

struct Wish {
  std::string folder;
  DType type;
  std::shared_ptr<const WeightImage>* image;
  Role role;
};

std::shared_ptr<const WeightImage> share(const Communicator& world, bool wanted, const std::string& folder,
                                         DType type) {
  if (!wanted) return make_node_memory(world, false, 0, nullptr), nullptr;
  const auto config = read_model_config(folder);
  const auto memory = make_node_memory(world, wanted, image_bytes(config, type), [&](std::span<std::byte> bytes) {
    fill_weight_image(folder, config, type, bytes);
  });
  return std::make_shared<const WeightImage>(config, type, memory->bytes(), memory);
}

/// What a rank samples, scores and trains from: the folder's weights and the adapter on top of them.
std::uint64_t start_of(const WeightImage& policy, const LoraConfig& asked) {
  const std::string text = policy.hash() + " " + adapter_id(asked);
  return checksum(std::as_bytes(std::span(text)));
}

void check_agreement(const Communicator& world, const NodeImages& images, const RunConfig& config) {
  const auto& policy = images.sampler ? images.sampler : images.teacher ? images.teacher : images.trainer;
  std::optional<std::uint64_t> start;
  if (policy) start = start_of(*policy, config.trainer.lora);
  const auto& adapter = config.trainer.lora.adapter;
  require(all_agree(world, start), "the ranks found different weights in " + config.model.policy +
                                       (adapter.empty() ? "" : " or another adapter in " + adapter) +
                                       "; every node must hold the same files");
}

}  // namespace

NodeImages load_node_images(const Communicator& world, const RoleMap& map, const RunConfig& config) {
  NodeImages images;
  const auto plays = [&](Role role) { return map.plays(world.rank(), role); };
  const auto trainer_type = base_type(config.trainer.lora, parse_matrix_type(config.trainer.dtype));
  const auto prm_type = parse_matrix_type(config.prm.dtype);
  const auto rollout_type = parse_matrix_type(config.rollout.dtype);
  std::vector<Wish> wishes = {{config.model.policy, rollout_type, &images.sampler, Role::rollout},
                              {config.model.policy, prm_type, &images.teacher, Role::prm},
                              {config.model.policy, trainer_type, &images.trainer, Role::trainer}};
  if (config.prm.evaluator == "judge") wishes.push_back({config.model.prm, prm_type, &images.judge, Role::prm});
  const std::string other = teacher_folder(config.prm);
  if (!other.empty()) wishes.push_back({other, prm_type, &images.other, Role::prm});
  std::vector<bool> done(wishes.size());
  for (std::size_t i = 0; i < wishes.size(); ++i) {  // every rank has the same list: the loads are collective
    if (done[i]) continue;
    const auto same = [&](std::size_t j) {
      return wishes[j].folder == wishes[i].folder && wishes[j].type == wishes[i].type;
    };
    bool wanted = false, anywhere = false;
    for (std::size_t j = i; j < wishes.size(); ++j) {
      wanted |= same(j) && plays(wishes[j].role);
      anywhere |= same(j) && !map.ranks(wishes[j].role).empty();
    }
    if (!anywhere) continue;
    const auto image = share(world, wanted, wishes[i].folder, wishes[i].type);
    for (std::size_t j = i; j < wishes.size(); ++j) {
      if (!same(j)) continue;
      done[j] = true;
      if (plays(wishes[j].role)) *wishes[j].image = image;
    }
  }
  check_agreement(world, images, config);
  return images;
}

}  // namespace clawrl
