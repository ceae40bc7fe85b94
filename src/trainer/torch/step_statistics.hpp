#pragma once
// What a step adds up on one rank, and how the ranks' parts become StepMetrics.

#include <cstdint>
#include <vector>

#include "core/step_metrics.hpp"
#include "core/training_sample.hpp"
#include "trainer/torch/losses/loss.hpp"
#include "trainer/torch/micro_batch.hpp"

namespace clawrl {

class Collectives;

class StepStatistics {
 public:
  /// `kinds`: how many are told apart, the same on every rank.
  explicit StepStatistics(std::int32_t kinds = 0) : by_kind_(static_cast<std::size_t>(kinds) * figures) {}
  /// `held` = version of the weights that the trainer computes with.
  void add_sample(const TrainingSample& sample, std::int64_t held);
  void add_micro_batch(const MicroBatch& batch, const at::Tensor& logprobs, const LossOutput& output,
                       bool uses_sampler);
  void fail() { sums_.failed = 1; }

  /// Collective: two or three small reductions; then every getter below speaks of all ranks.
  void combine(Collectives& collectives, double seconds);

  bool failed() const { return sums_.failed > 0; }  // on any rank
  std::int64_t active_tokens() const { return static_cast<std::int64_t>(sums_.active); }
  void fill(StepMetrics& metrics) const;

 private:
  static constexpr std::size_t figures = 4;  // of a kind: tokens, kl, tokens with a gap, gap
  void add_by_kind(const MicroBatch& batch, const at::Tensor& kl, const at::Tensor& gap);
  // Plain doubles on purpose: both structs are reduced as arrays.
  struct Sums {
    double failed = 0, loss = 0, advantage = 0, advantage_abs = 0, ratio = 0, clipped = 0, kl = 0, reference_kl = 0,
           gap = 0, gap_tokens = 0, drift = 0, drift_tokens = 0, staleness = 0, samples = 0, tokens = 0, active = 0;
  } sums_;
  struct Maxima {
    double ratio = 0, gap = 0, staleness = 0, seconds = 0;
  } maxima_;
  std::vector<double> by_kind_;  // [kinds, figures]
};

}  // namespace clawrl
