// Cross-entropy on the trained tokens.

#include <ATen/ATen.h>

#include "trainer/torch/losses/loss.hpp"

namespace clawrl {
namespace {

LossOutput sft(const LossInputs& in, const LossSettings&) {
  return {-at::dot(in.weights, in.logprobs), {}};
}

const LossRegistration sft_registration("sft", {sft, false});

}  // namespace
}  // namespace clawrl
