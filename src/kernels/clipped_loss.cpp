#include "kernels/clipped_loss.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "kernels/runtime.hpp"

namespace clawrl::kernels {

namespace {

constexpr const char* kernel = "clawrl::clipped_loss";

/// Sums of one sequence.
struct RowSums {
  std::int64_t tokens = 0;
  std::int64_t clipped = 0;
  std::int64_t capped = 0;
  double loss = 0;
  double kl = 0;
};

void check(const ClippedLossInputs& in) {
  const auto size = static_cast<std::size_t>(in.sequences * in.length);
  expect(in.logp_new.size() == size && in.logp_old.size() == size && in.advantages.size() == size &&
             in.mask.size() == size && (in.logp_sampler.empty() || in.logp_sampler.size() == size),
         std::string(kernel) + ": every array must be [B,T]");
}

void token(const ClippedLossInputs& in, std::int64_t i, ClippedLoss& out, RowSums& sums) {
  const double ratio = std::exp(in.logp_new[i] - in.logp_old[i]);
  const double plain = -in.advantages[i] * ratio;
  const double clipped = -in.advantages[i] * std::clamp(ratio, 1 - in.clip_low, 1 + in.clip_high);
  const double raw = in.logp_sampler.empty() ? 1.0 : std::exp(in.logp_old[i] - in.logp_sampler[i]);
  const double weight = in.logp_sampler.empty() ? 1.0 : std::min(raw, in.importance_cap);
  out.tokens[i] = weight * std::max(plain, clipped);
  out.gradient[i] = clipped > plain ? 0 : weight * plain;  // d ratio / d logp_new = ratio; the clipped branch is flat
  ++sums.tokens;
  sums.clipped += clipped > plain;
  sums.capped += raw > weight;
  sums.loss += out.tokens[i];
  sums.kl += in.logp_old[i] - in.logp_new[i];
}

/// What a token of sequence b is multiplied by in the aggregate.
double share(const ClippedLossInputs& in, const RowSums& row, std::int64_t tokens, std::int64_t active) {
  switch (in.aggregation) {
    case LossAggregation::token_mean:
      return 1.0 / static_cast<double>(tokens);
    case LossAggregation::sequence_mean:
      return 1.0 / static_cast<double>(row.tokens * active);
    case LossAggregation::sequence_mean_all:
      return 1.0 / static_cast<double>(row.tokens * in.sequences);
    case LossAggregation::token_sum:
      return 1.0;
  }
  throw InternalError(std::string(kernel) + ": unknown aggregation");
}

}  // namespace

ClippedLoss clipped_loss(const ClippedLossInputs& in) {
  check(in);
  ClippedLoss out;
  out.tokens.assign(in.mask.size(), 0);
  out.gradient.assign(in.mask.size(), 0);
  std::vector<RowSums> rows(in.sequences);
  const auto launch = begin_launch(kernel);
  const Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace> sequences(0, in.sequences);
  Kokkos::parallel_for("clawrl::clipped_loss::tokens", sequences, [&](const std::int64_t b) {
    for (std::int64_t i = b * in.length; i < (b + 1) * in.length; ++i) {
      if (in.mask[i]) token(in, i, out, rows[b]);
    }
  });
  RowSums all;
  std::int64_t active = 0;
  for (const auto& row : rows) {
    all.tokens += row.tokens;
    all.clipped += row.clipped;
    all.capped += row.capped;
    all.kl += row.kl;
    active += row.tokens > 0;
  }
  if (all.tokens == 0) return out;
  for (const auto& row : rows) out.loss += row.tokens ? row.loss * share(in, row, all.tokens, active) : 0;
  Kokkos::parallel_for("clawrl::clipped_loss::gradient", sequences, [&](const std::int64_t b) {
    if (rows[b].tokens == 0) return;
    const double factor = share(in, rows[b], all.tokens, active);
    for (std::int64_t i = b * in.length; i < (b + 1) * in.length; ++i) out.gradient[i] *= factor;
  });
  const auto count = static_cast<double>(all.tokens);
  out.clip_fraction = static_cast<double>(all.clipped) / count;
  out.capped_fraction = static_cast<double>(all.capped) / count;
  out.approx_kl = all.kl / count;
  return out;
}

}  // namespace clawrl::kernels
