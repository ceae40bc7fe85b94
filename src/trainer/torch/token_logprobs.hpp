#pragma once
// Log-probs of chosen tokens from hidden states, differentiable, without a copy of the logits.

#include <ATen/core/Tensor.h>

namespace clawrl {

/// log softmax(hidden head^T)[n, ids[n, c]] -> [N,C]. hidden [N,D], head [V,D], ids [N,C] i64; temperature [N] divides
/// the logits, undefined = 1. Keeps one [N,V] buffer for the backward pass, which overwrites it: backward() runs once.
at::Tensor token_logprobs(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& ids,
                          const at::Tensor& temperature = {});

}  // namespace clawrl
