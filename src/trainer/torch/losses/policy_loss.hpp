#pragma once
// Clipped policy-gradient loss with importance correction and a KL term. Element-wise: tensors of one call share a
// shape S (any) and a floating type.

#include <ATen/core/Tensor.h>

#include "trainer/torch/losses/loss.hpp"

namespace clawrl {

struct ClippedTerms {
  at::Tensor losses;   // max(-A r, -A clip(r, 1 - low, 1 + high))
  at::Tensor ratio;    // r = exp(new - old), no gradient
  at::Tensor clipped;  // bool: the clipped term is strictly larger
};
ClippedTerms clipped_surrogate(const at::Tensor& new_logprobs, const at::Tensor& old_logprobs,
                               const at::Tensor& advantages, double clip_low, double clip_high);

/// min(exp(old - sampler), cap), no gradient.
at::Tensor importance_weight(const at::Tensor& old_logprobs, const at::Tensor& sampler_logprobs, double cap);

/// Estimators of KL(new || reference) on tokens sampled from new: d, d^2 / 2, exp(-d) - 1 + d with d = new - reference
/// (Schulman, "Approximating KL divergence", 2020). As a loss they differ from what they estimate: the gradient of k1
/// has mean 0 (it only adds noise), that of k2 is the divergence's own, that of k3 is 1 - exp(-d) per token.
enum class KlEstimator { k1, k2, k3 };
KlEstimator parse_kl_estimator(const std::string& name);  // throws UserError
at::Tensor kl_estimate(const at::Tensor& new_logprobs, const at::Tensor& reference_logprobs, KlEstimator estimator);

struct PolicyLossInputs {
  at::Tensor new_logprobs;  // carries the gradient
  at::Tensor old_logprobs;  // what the ratio is taken against
  at::Tensor advantages;
  at::Tensor weights;             // 0 = not trained
  at::Tensor sampler_logprobs;    // optional: token losses are multiplied with importance_weight(old, sampler, cap)
  at::Tensor reference_logprobs;  // optional: adds kl_beta * kl_estimate(); NaN = this token has none
  double clip_low = 0.2;
  double clip_high = 0.28;
  double importance_cap = 2.0;
  double kl_beta = 0.0;
  KlEstimator kl_estimator = KlEstimator::k3;
};

struct PolicyLoss {
  at::Tensor loss;          // sum(weights * (token_losses + kl_beta * kl_estimate))
  at::Tensor token_losses;  // S, importance weight included, KL not
  LossMetrics metrics;      // over the tokens with a weight
};
PolicyLoss policy_loss(const PolicyLossInputs& inputs);

}  // namespace clawrl
