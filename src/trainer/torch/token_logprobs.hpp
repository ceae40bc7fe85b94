#pragma once
// Log-probs of chosen tokens from hidden states, differentiable, without a copy of the logits.

#include <ATen/core/Tensor.h>

#include <span>

#include "core/token_mask.hpp"

namespace clawrl {

/// log softmax(hidden head^T)[n, ids[n, c]] -> [N,C]. hidden [N,D], head [V,D], ids [N,C] i64; temperature [N] divides
/// the logits, undefined = 1. masks [N] or empty: the softmax of row n is over the ids of masks[n] (nullptr = all), and
/// a forbidden id has -inf and no gradient. Keeps one [N,V] buffer for the backward pass, which overwrites it:
/// backward() runs once.
at::Tensor token_logprobs(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& ids,
                          const at::Tensor& temperature = {}, std::span<const IdRuns* const> masks = {});

}  // namespace clawrl
