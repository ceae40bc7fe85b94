#pragma once
// The weights that the roles of a rank read, loaded once per node.

#include <memory>

#include "comm/communicator.hpp"
#include "comm/role_map.hpp"
#include "config/run_config.hpp"
#include "model/weight_image.hpp"

namespace clawrl {

/// Null where this rank has no use for it. Those of one folder and type are the same object.
struct NodeImages {
  std::shared_ptr<const WeightImage> sampler;  // rollout.dtype
  std::shared_ptr<const WeightImage> teacher;  // prm.dtype
  std::shared_ptr<const WeightImage> judge;    // prm.dtype, of model.prm; null with prm.evaluator = self
  std::shared_ptr<const WeightImage> other;    // prm.dtype, of the folder that prm.teacher names; else null
  std::shared_ptr<const WeightImage> trainer;  // trainer.dtype with LoRA; else f32, to copy the masters from
};

/// Collective over `world`, before the mailbox uses it. Throws UserError on every rank of a node whose load failed, and
/// on all ranks when they do not hold the same policy weights and starting adapter.
NodeImages load_node_images(const Communicator& world, const RoleMap& map, const RunConfig& config);

}  // namespace clawrl
