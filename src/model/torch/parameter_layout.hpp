#pragma once
// Named parameters in one flat float32 tensor.

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/parameter_view.hpp"
#include "model/parameter_layout.hpp"
#include "model/weight_layout.hpp"

namespace clawrl {

/// Views of a flat buffer, in slot order; memory belongs to `flat`.
std::vector<ParameterView> parameter_views(const ParameterLayout& layout, const at::Tensor& flat);

/// The slot as a tensor: a detached view of `flat`.
at::Tensor slot_tensor(const ParameterSlot& slot, const at::Tensor& flat);

}  // namespace clawrl
