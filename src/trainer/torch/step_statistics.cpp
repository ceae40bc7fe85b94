#include "trainer/torch/step_statistics.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <span>

#include "comm/collectives.hpp"

namespace clawrl {
namespace {

double ratio(double sum, double count) {
  return count > 0 ? sum / count : 0.0;
}

double total(const at::Tensor& values) {
  return values.sum(at::kDouble).item<double>();
}

}  // namespace

void StepStatistics::add_sample(const TrainingSample& sample, std::int64_t held) {
  const auto staleness = static_cast<double>(std::max<std::int64_t>(0, held - sample.version));
  sums_.samples += 1;
  sums_.tokens += static_cast<double>(sample.ids.size());
  sums_.staleness += staleness;
  maxima_.staleness = std::max(maxima_.staleness, staleness);
}

void StepStatistics::add_micro_batch(const MicroBatch& batch, const at::Tensor& logprobs, const LossOutput& output,
                                     bool uses_sampler) {
  sums_.loss += output.loss.item<double>();
  sums_.active += static_cast<double>(batch.rows.size(0));
  if (!uses_sampler) return;
  sums_.advantage += total(batch.loss.advantages);
  sums_.advantage_abs += total(batch.loss.advantages.abs());
  sums_.ratio += output.metrics.ratio_sum;
  sums_.clipped += output.metrics.clipped;
  sums_.kl += output.metrics.kl_sum;
  sums_.reference_kl += output.metrics.reference_kl_sum;
  maxima_.ratio = std::max(maxima_.ratio, output.metrics.ratio_max);
  const at::Tensor difference = (logprobs - batch.loss.sampler_logprobs).abs();
  const at::Tensor fresh = difference * batch.fresh;
  const double fresh_tokens = total(batch.fresh), fresh_sum = total(fresh);
  sums_.gap += fresh_sum;
  sums_.gap_tokens += fresh_tokens;
  sums_.drift += total(difference * (1 - batch.fresh));
  sums_.drift_tokens += static_cast<double>(batch.rows.size(0)) - fresh_tokens;
  maxima_.gap = std::max(maxima_.gap, fresh.max().item<double>());
  if (batch.kinds.defined()) add_by_kind(batch, batch.loss.sampler_logprobs - logprobs, fresh);
}

void StepStatistics::add_by_kind(const MicroBatch& batch, const at::Tensor& kl, const at::Tensor& gap) {
  const at::Tensor kinds = batch.kinds.to(at::kCPU);
  const auto count = static_cast<std::int64_t>(by_kind_.size() / figures);
  const at::Tensor columns[figures] = {at::ones_like(gap), kl, batch.fresh, gap};
  for (std::size_t figure = 0; figure < figures; ++figure) {
    const at::Tensor sums = at::bincount(kinds, columns[figure].to(at::kCPU, at::kDouble), count);
    for (std::int64_t kind = 0; kind < count; ++kind)
      by_kind_[static_cast<std::size_t>(kind) * figures + figure] += sums[kind].item<double>();
  }
}

void StepStatistics::combine(Collectives& collectives, double seconds) {
  maxima_.seconds = seconds;
  static_assert(sizeof(Sums) == 16 * sizeof(double) && sizeof(Maxima) == 4 * sizeof(double));
  collectives.sum(std::span<double>(&sums_.failed, sizeof(Sums) / sizeof(double)));
  if (!by_kind_.empty()) collectives.sum(std::span<double>(by_kind_));
  collectives.max(std::span<double>(&maxima_.ratio, sizeof(Maxima) / sizeof(double)));
}

void StepStatistics::fill(StepMetrics& metrics) const {
  metrics.loss = sums_.loss;
  metrics.advantage_mean = ratio(sums_.advantage, sums_.active);
  metrics.advantage_abs_mean = ratio(sums_.advantage_abs, sums_.active);
  metrics.ratio_mean = ratio(sums_.ratio, sums_.active);
  metrics.ratio_max = maxima_.ratio;
  metrics.clip_fraction = ratio(sums_.clipped, sums_.active);
  metrics.approx_kl = ratio(sums_.kl, sums_.active);
  metrics.reference_kl = ratio(sums_.reference_kl, sums_.active);
  metrics.gap_mean = ratio(sums_.gap, sums_.gap_tokens);
  metrics.gap_max = maxima_.gap;
  metrics.gap_tokens = static_cast<std::int64_t>(sums_.gap_tokens);
  metrics.drift_mean = ratio(sums_.drift, sums_.drift_tokens);
  metrics.staleness_mean = ratio(sums_.staleness, sums_.samples);
  metrics.staleness_max = maxima_.staleness;
  metrics.samples = static_cast<std::int64_t>(sums_.samples);
  metrics.tokens = static_cast<std::int64_t>(sums_.tokens);
  metrics.active_tokens = static_cast<std::int64_t>(sums_.active);
  metrics.seconds = maxima_.seconds;
  for (std::size_t at = 0; at < by_kind_.size(); at += figures) {
    const double* sums = &by_kind_[at];
    metrics.kinds.push_back({static_cast<std::int64_t>(sums[0]), ratio(sums[1], sums[0]), ratio(sums[3], sums[2]),
                             static_cast<std::int64_t>(sums[2])});
  }
}

}  // namespace clawrl
