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
  std::string block;  // self_attn, mlp or mlp.experts.<expert>
  std::string name;   // q_proj ...
  std::int64_t out = 0, in = 0;
};

/// The projections that every layer has, and so those that an adapter can change, in the order in which they lie there:
/// q, k, v, o, and in a model without experts gate, up, down.
std::vector<Projection> projections(const ModelConfig& config);

/// All of one layer: with experts the router (gate) and then gate, up, down of each expert.
std::vector<Projection> layer_projections(const ModelConfig& config, std::int64_t layer);

/// "model.layers.<layer>."
std::string layer_prefix(std::int64_t layer);

/// Every parameter of the model: 2-D ones first, then 1-D ones; HF names.
ParameterLayout weight_layout(const ModelConfig& config);

}  // namespace clawrl
