#include "samples/step_shards.hpp"

#include <algorithm>
#include <numeric>

#include "core/error.hpp"

namespace clawrl {

std::vector<std::vector<std::int32_t>> step_shards(const std::vector<TrainingSample>& samples, int ranks) {
  expect(ranks > 0, "step_shards: ranks must be positive");
  std::vector<std::int32_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return samples[static_cast<std::size_t>(a)].ids.size() > samples[static_cast<std::size_t>(b)].ids.size();
  });
  std::vector<std::vector<std::int32_t>> shards(static_cast<std::size_t>(ranks));
  std::vector<std::size_t> tokens(shards.size(), 0);
  for (auto index : order) {
    const auto lightest = std::min_element(tokens.begin(), tokens.end()) - tokens.begin();
    shards[static_cast<std::size_t>(lightest)].push_back(index);
    tokens[static_cast<std::size_t>(lightest)] += samples[static_cast<std::size_t>(index)].ids.size();
  }
  for (auto& shard : shards) std::sort(shard.begin(), shard.end());
  return shards;
}

std::int64_t active_tokens(const std::vector<TrainingSample>& samples) {
  std::int64_t total = 0;
  for (const auto& sample : samples) total += sample.response_length();
  return total;
}

}  // namespace clawrl
