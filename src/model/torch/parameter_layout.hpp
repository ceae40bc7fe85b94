#pragma once
// Named parameters in one flat float32 buffer.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/parameter_view.hpp"
#include "model/model_config.hpp"

namespace clawrl {

struct ParameterSlot {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  // first element in the buffer; contiguous from there
};

/// Slots start at multiples of 16 elements (one cache line), but for those that are joined to the slot before: together
/// they are one matrix. The padding between slots is 0 and stays 0 under any element-wise update.
struct ParameterLayout {
  std::vector<ParameterSlot> slots;
  std::int64_t size = 0;      // elements of the buffer, padding included
  std::int64_t matrices = 0;  // the first `matrices` elements hold the 2-D parameters, the rest the 1-D ones

  void add(std::string name, std::vector<std::int64_t> shape, bool joined = false);
  const ParameterSlot& at(const std::string& name) const;  // throws InternalError
};

/// Views of a flat buffer, in slot order; memory belongs to `flat`.
std::vector<ParameterView> parameter_views(const ParameterLayout& layout, const at::Tensor& flat);

/// The slot as a tensor: a detached view of `flat`.
at::Tensor slot_tensor(const ParameterSlot& slot, const at::Tensor& flat);

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

}  // namespace clawrl
