#pragma once
// The kept set of truncated sampling. No full sort: candidates are cut by a bound first and ordered as far as needed.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "core/generation.hpp"
#include "kernels/row_scan.hpp"
#include "kernels/top_k.hpp"

namespace clawrl::kernels {

/// Ids that may still be drawn, most likely first, with their unnormalised weights exp((x - maximum) / temperature).
struct KeptSet {
  std::vector<Candidate> candidates;
  std::vector<float> weights;
  double mass = 0;
};

inline void keep_top_k(std::span<const float> row, const RowMaximum& maximum, std::int32_t k,
                       std::vector<Candidate>& best) {
  if (k <= max_top_k) return select_top(row, maximum, k, best);
  best.resize(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) best[i] = {row[i], static_cast<TokenId>(i)};
  std::nth_element(best.begin(), best.begin() + k - 1, best.end(), better);
  best.resize(k);
  std::sort(best.begin(), best.end(), better);
}

/// All ids with probability of at least (1 - top_p) / V: the others hold less than 1 - top_p together, so the nucleus
/// lies within. The slack covers rounding of the bound.
inline void nucleus_candidates(std::span<const float> row, const RowMaximum& maximum, double total, float scale,
                               float top_p, std::vector<Candidate>& found) {
  const double share = (1.0 - top_p) / static_cast<double>(row.size());
  const double bound = maximum.value + (std::log(total * share) - 1e-3) / scale;
  const auto lowest = static_cast<float>(bound - 1e-5 * std::abs(bound));
  found.clear();
  const auto size = static_cast<std::int64_t>(row.size());
  for (std::int64_t begin = 0; begin < size; begin += scan_block) {
    if (maximum.blocks[begin / scan_block] < lowest) continue;
    const std::int64_t end = std::min(begin + scan_block, size);
    for (std::int64_t i = begin; i < end; ++i) {
      if (row[i] >= lowest) found.push_back({row[i], static_cast<TokenId>(i)});
    }
  }
}

/// Cuts `kept` (candidates in any order beyond the first `sorted`) to the smallest set that reaches `wanted` mass.
inline void cut_to_mass(KeptSet& kept, std::size_t sorted, double wanted, float maximum, float scale) {
  auto& all = kept.candidates;
  kept.weights.clear();
  kept.mass = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == sorted) {
      sorted = std::min(all.size(), std::max<std::size_t>(64, sorted * 4));
      if (sorted < all.size()) std::nth_element(all.begin() + i, all.begin() + sorted, all.end(), better);
      std::sort(all.begin() + i, all.begin() + sorted, better);
    }
    kept.weights.push_back(exp_nonpositive((all[i].logit - maximum) * scale));
    kept.mass += kept.weights.back();
    if (kept.mass >= wanted) break;
  }
  all.resize(kept.weights.size());
}

/// `sum` belongs to the same row, maximum and scale = 1 / temperature.
inline void truncate(std::span<const float> row, const RowMaximum& maximum, const ExpSum& sum, float scale,
                     const SamplingParameters& parameters, KeptSet& kept) {
  const bool cut_k = parameters.top_k > 0 && static_cast<std::size_t>(parameters.top_k) < row.size();
  double mass = sum.total;
  if (cut_k) {
    keep_top_k(row, maximum, parameters.top_k, kept.candidates);
    mass = 0;
    for (const auto& c : kept.candidates) mass += exp_nonpositive((c.logit - maximum.value) * scale);
  } else if (parameters.top_p < 1.0F) {
    nucleus_candidates(row, maximum, sum.total, scale, parameters.top_p, kept.candidates);
  } else {
    keep_top_k(row, maximum, static_cast<std::int32_t>(row.size()), kept.candidates);
  }
  const double wanted = parameters.top_p < 1.0F ? parameters.top_p * mass : INFINITY;
  cut_to_mass(kept, cut_k ? kept.candidates.size() : 0, wanted, maximum.value, scale);
}

}  // namespace clawrl::kernels
