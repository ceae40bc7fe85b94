#include "trainer/torch/losses/distill_loss.hpp"

#include <ATen/ATen.h>

#include "trainer/torch/losses/policy_loss.hpp"

namespace clawrl {
namespace {

/// [N,K] -> [N,K+1]. The candidates' mass is kept below 1, so that the tail's log stays finite.
at::Tensor with_tail(const at::Tensor& logprobs) {
  const at::Tensor mass = at::logsumexp(logprobs, {1}, true).clamp_max(-1e-7);
  return at::cat({logprobs, at::log(-at::expm1(mass))}, 1);
}

constexpr double kNoMass = -1e4;  // exp() is 0, and unlike -inf it has no NaN in its gradient

}  // namespace

at::Tensor topk_policy_loss(const TopkLossInputs& in) {
  at::Tensor losses =
      clipped_surrogate(in.new_logprobs, in.old_logprobs, in.advantages, in.clip_low, in.clip_high).losses;
  if (in.sampler_logprobs.defined()) {
    losses = losses * importance_weight(in.old_logprobs, in.sampler_logprobs, in.importance_cap);
  }
  return losses.sum(1);
}

at::Tensor binned_reverse_kl(const at::Tensor& student_logprobs, const at::Tensor& teacher_logprobs, double clip) {
  const at::Tensor student = with_tail(student_logprobs);
  at::Tensor difference = student - with_tail(teacher_logprobs);
  if (clip > 0) difference = difference.detach().clamp(-clip, clip);
  return (student.exp() * difference).sum(1);
}

at::Tensor binned_reverse_kl(const at::Tensor& student_logprobs, const at::Tensor& teacher_logprobs,
                             const at::Tensor& inside, double clip) {
  const at::Tensor outside = inside.logical_not();
  return binned_reverse_kl(student_logprobs.masked_fill(outside, kNoMass),
                           teacher_logprobs.masked_fill(outside, kNoMass), clip);
}

}  // namespace clawrl
