#pragma once
// The masked clipped policy loss in double precision: what the trainer's own loss is held against, and what jobs use
// that score stored log-probs without a model.

#include <cstdint>
#include <span>
#include <vector>

namespace clawrl::kernels {

/// token_mean = over all unmasked tokens; sequence_mean = mean of the sequences' masked means, over sequences that have
/// an unmasked token; sequence_mean_all = the same sum over all sequences; token_sum = plain sum.
enum class LossAggregation { token_mean, sequence_mean, sequence_mean_all, token_sum };

/// All arrays [B,T]; entries with mask 0 are ignored and may hold anything.
struct ClippedLossInputs {
  std::int64_t sequences = 0;  // B
  std::int64_t length = 0;     // T
  std::span<const double> logp_new;
  std::span<const double> logp_old;
  std::span<const double> advantages;
  std::span<const std::uint8_t> mask;
  std::span<const double> logp_sampler;  // empty, or: weigh by min(exp(old - sampler), importance_cap)
  double clip_low = 0.2;
  double clip_high = 0.28;
  double importance_cap = 2.0;
  LossAggregation aggregation = LossAggregation::token_mean;
};

/// Without any unmasked token all numbers are 0.
struct ClippedLoss {
  double loss = 0;
  std::vector<double> tokens;    // [B,T] w * max(-A r, -A clip(r, 1 - low, 1 + high)), r = exp(new - old); 0 if masked
  std::vector<double> gradient;  // [B,T] d loss / d logp_new
  double clip_fraction = 0;      // share of unmasked tokens whose clipped term is the strictly larger one
  double approx_kl = 0;          // mean of old - new over unmasked tokens
  double capped_fraction = 0;    // share of unmasked tokens whose importance weight was capped
};

/// Throws InternalError on sizes that do not fit.
ClippedLoss clipped_loss(const ClippedLossInputs& inputs);

}  // namespace clawrl::kernels
