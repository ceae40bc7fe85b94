#include "model/model_folder.hpp"
#include "model/policy.hpp"
#include "model/torch/weight_set.hpp"

namespace clawrl {

void write_random_model(const ModelConfig& config, std::uint64_t seed, const std::string& folder) {
  const at::Tensor flat = random_weights(config, seed);
  save_weights(folder, config, parameter_views(config, bind_weights(config, flat)));
}

}  // namespace clawrl
