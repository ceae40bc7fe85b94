#include <algorithm>
#include <numeric>

#include "checkpoint/checkpoint_writer.hpp"
#include "core/error.hpp"

namespace clawrl {

std::vector<std::vector<std::size_t>> partition_by_bytes(std::span<const ParameterView> views, int ranks) {
  expect(ranks >= 1, "checkpoint: partition over " + std::to_string(ranks) + " ranks");
  std::vector<std::size_t> order(views.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto bytes_a = views[a].bytes(), bytes_b = views[b].bytes();
    return bytes_a != bytes_b ? bytes_a > bytes_b : views[a].name < views[b].name;
  });
  std::vector<std::vector<std::size_t>> owned(static_cast<std::size_t>(ranks));
  std::vector<std::size_t> load(owned.size(), 0);
  for (const std::size_t index : order) {
    const auto lightest = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    load[lightest] += views[index].bytes();
    owned[lightest].push_back(index);
  }
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
