#pragma once
// Where the parameters of a decoder lie, by Hugging Face name.

#include <cstdint>
#include <string>
#include <vector>

#include "model/model_config.hpp"
#include "model/parameter_layout.hpp"

namespace clawrl {

/// A linear layer of a decoder block, as Hugging Face names it.
struct Projection {
  std::string block;  // self_attn or mlp
  std::string name;   // q_proj ...
  std::int64_t out = 0, in = 0;
};

/// q, k, v, o, gate, up, down: the order in which they lie in a layer.
std::vector<Projection> projections(const ModelConfig& config);

/// "model.layers.<layer>."
std::string layer_prefix(std::int64_t layer);

/// Every parameter of the model: 2-D ones first, then 1-D ones; HF names.
ParameterLayout weight_layout(const ModelConfig& config);

}  // namespace clawrl
