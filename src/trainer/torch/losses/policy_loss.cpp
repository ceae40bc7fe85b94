#include "trainer/torch/losses/policy_loss.hpp"

#include <ATen/ATen.h>

#include "core/error.hpp"
#include "trainer/torch/losses/distill_loss.hpp"

namespace clawrl {
namespace {

double masked_sum(const at::Tensor& values, const at::Tensor& mask) {
  return at::where(mask, values, at::zeros_like(values)).sum(at::kDouble).item<double>();
}

}  // namespace

ClippedTerms clipped_surrogate(const at::Tensor& new_logprobs, const at::Tensor& old_logprobs,
                               const at::Tensor& advantages, double clip_low, double clip_high) {
  const at::Tensor ratio = (new_logprobs - old_logprobs).exp();
  const at::Tensor plain = -advantages * ratio;
  const at::Tensor clipped = -advantages * ratio.clamp(1.0 - clip_low, 1.0 + clip_high);
  return {at::maximum(plain, clipped), ratio.detach(), (clipped > plain).detach()};
}

at::Tensor importance_weight(const at::Tensor& old_logprobs, const at::Tensor& sampler_logprobs, double cap) {
  return (old_logprobs.detach() - sampler_logprobs).exp().clamp_max(cap);
}

at::Tensor kl_estimate(const at::Tensor& new_logprobs, const at::Tensor& reference_logprobs, KlEstimator estimator) {
  const at::Tensor difference = new_logprobs - reference_logprobs;
  if (estimator == KlEstimator::k1) return difference;
  if (estimator == KlEstimator::k2) return difference.square() / 2;
  return at::expm1(-difference) + difference;
}

KlEstimator parse_kl_estimator(const std::string& name) {
  if (name == "k1") return KlEstimator::k1;
  if (name == "k2") return KlEstimator::k2;
  if (name == "k3") return KlEstimator::k3;
  throw UserError("loss.kl_estimator: '" + name + "' is not known; allowed: k1, k2, k3");
}

PolicyLoss policy_loss(const PolicyLossInputs& in) {
  const ClippedTerms terms =
      clipped_surrogate(in.new_logprobs, in.old_logprobs, in.advantages, in.clip_low, in.clip_high);
  PolicyLoss out;
  out.token_losses = terms.losses;
  if (in.sampler_logprobs.defined()) {
    out.token_losses = terms.losses * importance_weight(in.old_logprobs, in.sampler_logprobs, in.importance_cap);
  }
  const at::Tensor mask = in.weights != 0;
  out.loss = (in.weights * out.token_losses).sum();
  if (in.reference_logprobs.defined()) {
    const at::Tensor missing = in.reference_logprobs.isnan();
    const at::Tensor reference = at::where(missing, in.new_logprobs.detach(), in.reference_logprobs);
    if (in.kl_beta != 0) {
      const at::Tensor kl = kl_estimate(in.new_logprobs, reference, in.kl_estimator).masked_fill(missing, 0);
      out.loss = out.loss + in.kl_beta * (in.weights * kl).sum();
    }
    const at::Tensor reported = kl_estimate(in.new_logprobs.detach(), reference, KlEstimator::k3);
    out.metrics.reference_kl_sum = masked_sum(reported, mask);
  }
  out.metrics.ratio_sum = masked_sum(terms.ratio, mask);
  out.metrics.ratio_max = at::where(mask, terms.ratio, at::zeros_like(terms.ratio)).max().item<double>();
  out.metrics.clipped = masked_sum(terms.clipped.to(at::kDouble), mask);
  out.metrics.kl_sum = masked_sum((in.old_logprobs - in.new_logprobs).detach(), mask);
  return out;
}

namespace {

/// Surrogate per candidate, or where the teacher's log-probs came along the divergence, by the weight in its place.
at::Tensor topk_term(const LossInputs& in, const LossSettings& settings, bool decoupled) {
  TopkLossInputs topk;
  topk.new_logprobs = in.topk_logprobs;
  topk.old_logprobs = decoupled ? in.topk_logprobs.detach() : in.topk_sampler_logprobs;
  topk.advantages = in.topk_advantages;
  if (decoupled) topk.sampler_logprobs = in.topk_sampler_logprobs;
  topk.clip_low = settings.clip_low;
  topk.clip_high = settings.clip_high;
  topk.importance_cap = settings.importance_cap;
  if (!in.topk_teacher_logprobs.defined()) return topk_policy_loss(topk);
  const at::Tensor known = in.topk_teacher_logprobs.isnan().logical_not();
  const at::Tensor inside = known.logical_and(in.topk_advantages != 0);
  const at::Tensor weight = in.topk_advantages.masked_fill(inside.logical_not(), 0).amax({1});
  topk.advantages = in.topk_advantages.masked_fill(known, 0);
  return topk_policy_loss(topk) +
         weight * binned_reverse_kl(in.topk_logprobs, in.topk_teacher_logprobs, inside, settings.divergence_clip);
}

/// importance_cap > 0: decoupled form. A batch is one optimiser step, so the trainer's log-probs at the start of the
/// step are those of this very forward pass. importance_cap = 0: coupled form, the clip is around the sampler.
LossOutput compute_policy(const LossInputs& in, const LossSettings& settings) {
  const bool decoupled = settings.importance_cap > 0;
  PolicyLossInputs policy;
  policy.new_logprobs = in.logprobs;
  policy.old_logprobs = decoupled ? in.logprobs.detach() : in.sampler_logprobs;
  policy.advantages = in.advantages;
  policy.weights = in.weights;
  if (decoupled) policy.sampler_logprobs = in.sampler_logprobs;
  policy.reference_logprobs = in.reference_logprobs;
  policy.clip_low = settings.clip_low;
  policy.clip_high = settings.clip_high;
  policy.importance_cap = settings.importance_cap;
  policy.kl_beta = settings.kl_beta;
  policy.kl_estimator = parse_kl_estimator(settings.kl_estimator);
  PolicyLoss result = policy_loss(policy);
  if (in.topk_logprobs.defined() && settings.topk_weight != 0)
    result.loss = result.loss + settings.topk_weight * (in.weights * topk_term(in, settings, decoupled)).sum();
  return {result.loss, result.metrics};
}

const LossRegistration policy_registration("policy", {compute_policy, true});

}  // namespace
}  // namespace clawrl
