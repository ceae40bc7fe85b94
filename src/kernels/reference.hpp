#pragma once
// The same operations as plain loops in double with full sorts: slow, obvious, and what the kernels are tested against.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/generation.hpp"
#include "kernels/clipped_loss.hpp"
#include "kernels/random.hpp"
#include "kernels/sampling.hpp"

namespace clawrl::kernels::reference {

/// [V] log_softmax(row / temperature).
inline std::vector<double> log_softmax(std::span<const float> row, double temperature) {
  double highest = -INFINITY;
  for (double x : row) highest = std::max(highest, x / temperature);
  double sum = 0;
  for (double x : row) sum += std::exp(x / temperature - highest);
  std::vector<double> out;
  for (double x : row) out.push_back(x / temperature - highest - std::log(sum));
  return out;
}

/// All ids, highest logit first, equal ones by lower id.
inline std::vector<TokenId> ranking(std::span<const float> row) {
  std::vector<TokenId> ids(row.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) { return row[a] > row[b]; });
  return ids;
}

/// Ids that may be drawn, in the order in which the cumulative distribution is walked, for temperature > 0.
inline std::vector<TokenId> kept(std::span<const float> row, const SamplingParameters& p) {
  std::vector<TokenId> ids(row.size());
  std::iota(ids.begin(), ids.end(), 0);
  if (!p.truncated()) return ids;
  ids = ranking(row);
  if (p.top_k > 0 && static_cast<std::size_t>(p.top_k) < ids.size()) ids.resize(p.top_k);
  if (p.top_p >= 1) return ids;
  const auto logprobs = log_softmax(row, p.temperature);
  double mass = 0;
  for (auto id : ids) mass += std::exp(logprobs[id]);
  double reached = 0;
  std::size_t count = 0;
  while (count < ids.size() && reached < p.top_p * mass) reached += std::exp(logprobs[ids[count++]]);
  ids.resize(count);
  return ids;
}

inline SampledToken sample(std::span<const float> row, const SamplingRow& how) {
  const auto& p = how.parameters;
  const auto scaled = log_softmax(row, p.temperature == 0 ? 1.0 : p.temperature);
  const auto order = ranking(row);
  SampledToken out;
  out.id = order[0];
  if (p.temperature > 0) {
    const auto ids = kept(row, p);
    double mass = 0;
    for (auto id : ids) mass += std::exp(scaled[id]);
    double target = uniform(p.seed, how.position) * mass;
    for (auto id : ids) {
      target -= std::exp(scaled[id]);
      if (target >= 0) continue;
      out.id = id;
      break;
    }
    out.logprob = static_cast<float>(scaled[out.id] - std::log(mass));
  }
  out.logprob_t1 = static_cast<float>(log_softmax(row, 1.0)[out.id]);
  for (std::int32_t k = 0; k < how.record_top_k; ++k) {
    out.topk_ids.push_back(order[k]);
    out.topk_logprobs.push_back(static_cast<float>(scaled[order[k]]));
  }
  return out;
}

/// The loss alone, token_mean; the gradient is tested by finite differences of it.
inline double clipped_loss_token_mean(const ClippedLossInputs& in) {
  double sum = 0;
  double count = 0;
  for (std::size_t i = 0; i < in.mask.size(); ++i) {
    if (!in.mask[i]) continue;
    const double ratio = std::exp(in.logp_new[i] - in.logp_old[i]);
    const double bounded = std::min(std::max(ratio, 1 - in.clip_low), 1 + in.clip_high);
    double loss = std::max(-in.advantages[i] * ratio, -in.advantages[i] * bounded);
    if (!in.logp_sampler.empty()) loss *= std::min(std::exp(in.logp_old[i] - in.logp_sampler[i]), in.importance_cap);
    sum += loss;
    count += 1;
  }
  return count > 0 ? sum / count : 0;
}

inline std::int32_t hint_overlap(std::span<const TokenId> student, std::span<const TokenId> teacher) {
  std::int32_t count = 0;
  for (auto a : student) {
    for (auto b : teacher) count += a == b;
  }
  return count;
}

}  // namespace clawrl::kernels::reference
