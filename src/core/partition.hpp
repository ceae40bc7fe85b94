#pragma once
// Which rank owns which tensor, for publishing and for checkpoints.

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "core/parameter_view.hpp"

namespace clawrl {

/// owner[i] in 0..ranks-1 of views[i]: largest first, each to the rank with the fewest bytes so far (ties: lower rank,
/// then lower index). The same views and count give the same owners everywhere.
inline std::vector<int> owners_by_bytes(std::span<const ParameterView> views, int ranks) {
  std::vector<std::size_t> order(views.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return views[a].bytes() > views[b].bytes(); });
  std::vector<std::size_t> load(static_cast<std::size_t>(ranks), 0);
  std::vector<int> owner(views.size(), 0);
  for (std::size_t i : order) {
    const auto least = std::min_element(load.begin(), load.end());
    owner[i] = static_cast<int>(least - load.begin());
    *least += views[i].bytes();
  }
  return owner;
}

}  // namespace clawrl
