#pragma once
// Token masks on rows of logits.

#include <ATen/core/Tensor.h>

#include <span>

#include "core/token_mask.hpp"

namespace clawrl {

/// Sets logits[n, v] to -inf for every v outside masks[n] (nullptr = nothing is forbidden). logits [N,V] of any float
/// type and device, rows contiguous; masks [N].
void forbid(at::Tensor logits, std::span<const IdRuns* const> masks);

}  // namespace clawrl
