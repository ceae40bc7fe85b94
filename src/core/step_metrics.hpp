#pragma once
// What one optimiser step reports. Means are over the active tokens of the whole batch unless said otherwise.

#include <cstdint>
#include <string>
#include <vector>

namespace clawrl {

/// Of the samples of one kind (StepBatch::kinds), over all ranks.
struct KindMetrics {
  std::int64_t tokens = 0;  // active ones
  double approx_kl = 0;     // mean of old - new
  double gap_mean = 0;      // as StepMetrics has it
  std::int64_t gap_tokens = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(tokens, approx_kl, gap_mean, gap_tokens);
  }
};

struct StepMetrics {
  std::int64_t step = 0;     // 1 = the first optimiser step of the run
  std::int64_t version = 0;  // policy version that the step made
  double loss = 0;
  double advantage_mean = 0;
  double advantage_abs_mean = 0;
  double ratio_mean = 0;  // exp(new - old)
  double ratio_max = 0;
  double clip_fraction = 0;
  double approx_kl = 0;     // mean of old - new
  double reference_kl = 0;  // k3 to the reference; 0 without one
  double grad_norm = 0;     // before clipping
  double learning_rate = 0;
  double gap_mean = 0;  // |trainer - sampler| log-prob on tokens of the trainer's own version
  double gap_max = 0;
  std::int64_t gap_tokens = 0;  // tokens of equal version that the gap was measured on
  double drift_mean = 0;        // the same on tokens of older versions
  double staleness_mean = 0;    // versions between sampling and training, mean over samples
  double staleness_max = 0;
  std::int64_t samples = 0;
  std::int64_t tokens = 0;         // all tokens computed
  std::int64_t active_tokens = 0;  // tokens with a loss
  double seconds = 0;
  std::vector<KindMetrics> kinds;  // not on record
  template <class Archive>
  void serialize(Archive& archive) {
    archive(step, version, loss, advantage_mean, advantage_abs_mean, ratio_mean, ratio_max, clip_fraction, approx_kl,
            reference_kl, grad_norm, learning_rate, gap_mean, gap_max, gap_tokens, drift_mean, staleness_mean,
            staleness_max, samples, tokens, active_tokens, seconds);
  }
};

}  // namespace clawrl
