#include "core/partition.hpp"

#include <algorithm>
#include <numeric>

#include "checkpoint/checkpoint_writer.hpp"
#include "core/error.hpp"

namespace clawrl {

/// core's rule on the views in the order of their names: a checkpoint's shards do not depend on the order of the model.
std::vector<std::vector<std::size_t>> partition_by_bytes(std::span<const ParameterView> views, int ranks) {
  expect(ranks >= 1, "checkpoint: partition over " + std::to_string(ranks) + " ranks");
  std::vector<std::size_t> order(views.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return views[a].name < views[b].name; });
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return views[a].bytes() > views[b].bytes(); });
  std::vector<ParameterView> sorted;
  for (const std::size_t index : order) sorted.push_back(views[index]);
  const std::vector<int> owner = owners_by_bytes(sorted, ranks);
  std::vector<std::vector<std::size_t>> owned(static_cast<std::size_t>(ranks));
  for (std::size_t i = 0; i < order.size(); ++i) owned[static_cast<std::size_t>(owner[i])].push_back(order[i]);
  return owned;
}

std::vector<ParameterView> owned_views(std::span<const ParameterView> views, int ranks, int rank) {
  expect(rank >= 0 && rank < ranks, "checkpoint: rank " + std::to_string(rank) + " of " + std::to_string(ranks));
  const auto owned = partition_by_bytes(views, ranks);
  std::vector<ParameterView> mine;
  for (const std::size_t index : owned[static_cast<std::size_t>(rank)]) mine.push_back(views[index]);
  return mine;
}

}  // namespace clawrl
