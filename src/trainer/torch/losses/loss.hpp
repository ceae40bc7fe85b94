#pragma once
// A loss: a pure function from what is known about some tokens to {loss, metrics}, found by name.
//
// A new one is a .cpp file (in this folder or linked into the program) with the function and
//   const LossRegistration my_registration("my_loss", {my_function, true});

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "trainer/learner.hpp"
#include "trainer/loss_names.hpp"

namespace clawrl {

/// N = trained tokens of one micro-batch, K = top-k width. Optional tensors are undefined when nothing carries them.
struct LossInputs {
  at::Tensor logprobs;               // [N] on the current weights, carries the gradient
  at::Tensor weights;                // [N] the loss is sum(weights * token losses); the global normalisation is in them
  at::Tensor sampler_logprobs;       // [N]
  at::Tensor advantages;             // [N]
  at::Tensor reference_logprobs;     // [N] optional; NaN where a sample has none
  at::Tensor topk_logprobs;          // [N,K] optional, current weights, carries the gradient
  at::Tensor topk_sampler_logprobs;  // [N,K]
  at::Tensor topk_advantages;        // [N,K], 0 outside the subset
  at::Tensor topk_teacher_logprobs;  // [N,K] optional; NaN where a token has a surrogate term, or none
};

/// Sums over the N tokens, so that micro-batches and ranks add up.
struct LossMetrics {
  double ratio_sum = 0, ratio_max = 0;
  double clipped = 0;  // tokens whose clipped term won
  double kl_sum = 0;   // old - new
  double reference_kl_sum = 0;
};

struct LossOutput {
  at::Tensor loss;  // scalar with gradient
  LossMetrics metrics;
};

struct Loss {
  LossOutput (*compute)(const LossInputs&, const LossSettings&) = nullptr;
  bool uses_sampler = true;  // samples must carry sampler log-probs and advantages, and the gap is measured
};

struct LossRegistration {
  LossRegistration(const std::string& name, Loss loss);  // throws InternalError when the name is taken
};

/// Throws UserError that lists the registered names.
const Loss& find_loss(const std::string& name);

enum class Aggregation { token_mean, sequence_mean, token_sum };
Aggregation parse_aggregation(const std::string& name);  // throws UserError

/// Weight of one active token of a sequence with `active_in_sequence` of them, in a batch of `active_tokens` and
/// `sequences` over all ranks.
double token_weight(Aggregation aggregation, double active_in_sequence, double active_tokens, double sequences);

}  // namespace clawrl
