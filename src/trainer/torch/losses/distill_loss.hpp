#pragma once
// Distillation from a teacher that is known at a few candidates per token.

#include <ATen/core/Tensor.h>

namespace clawrl {

/// N = tokens, K = candidates of a token.
struct TopkLossInputs {
  at::Tensor new_logprobs;      // [N,K] carries the gradient (through the full-vocabulary softmax)
  at::Tensor old_logprobs;      // [N,K]
  at::Tensor advantages;        // [N,K] clip(log p_teacher - log p_old, -C, C) * w; 0 = outside the subset
  at::Tensor sampler_logprobs;  // [N,K] optional: each candidate is multiplied with min(exp(old - sampler), cap)
  double clip_low = 0.2;
  double clip_high = 0.28;
  double importance_cap = 2.0;
};

/// Clipped loss summed over the candidates -> [N].
at::Tensor topk_policy_loss(const TopkLossInputs& inputs);

/// KL(student || teacher) over K + 1 bins: the K candidates and one for all the rest. Both inputs [N,K] full-vocabulary
/// log-probs of the same candidates; the gradient goes through the student's. -> [N]
/// clip > 0: sum_b pi(b) clip(log pi(b) - log pi_T(b), -clip, clip) with the clipped factor held constant, as an
/// advantage is. Without a clip that has the gradient of the divergence; with one, no teacher pulls harder at a token
/// than `clip`, so that of teachers who want opposites the surer one does not win.
at::Tensor binned_reverse_kl(const at::Tensor& student_logprobs, const at::Tensor& teacher_logprobs, double clip = 0);

/// The same over the candidates that `inside` [N,K] (bool) marks; what is outside belongs to the bin of the rest and is
/// not looked at. A row without candidates has neither value nor gradient.
at::Tensor binned_reverse_kl(const at::Tensor& student_logprobs, const at::Tensor& teacher_logprobs,
                             const at::Tensor& inside, double clip = 0);

}  // namespace clawrl
