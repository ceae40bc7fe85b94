#pragma once
// A mixture of experts in the place of a layer's MLP: a router picks a few experts per token and weighs what they say.

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/model_config.hpp"

namespace clawrl {

/// One expert's SwiGLU. D = hidden, M = its intermediate size.
struct Expert {
  at::Tensor gate_up;  // [2M, D]: rows of gate_proj, up_proj
  at::Tensor down;     // [D, M]
};

/// E = experts. No experts = the layer has a plain MLP.
struct ExpertLayer {
  at::Tensor router;  // [E, D]
  std::vector<Expert> experts;
};

/// x [N,D] -> the sum of config.per_token experts' outputs by the router's probabilities [N,D]. Differentiable in x,
/// the router and the experts that were picked. Every expert sees its tokens as one matrix; without autograd on the CPU
/// a row's result does not depend on its neighbours while no expert gets more than 64 rows.
at::Tensor mix_experts(const ExpertConfig& config, const ExpertLayer& layer, const at::Tensor& x);

}  // namespace clawrl
