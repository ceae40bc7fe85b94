#include "samples/group_advantage.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace clawrl {
namespace {

double mean(std::span<const double> values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

GroupMoments group_moments(std::span<const double> rewards, Deviation deviation) {
  const bool equal = std::adjacent_find(rewards.begin(), rewards.end(), std::not_equal_to<>()) == rewards.end();
  if (equal) return {rewards.empty() ? 0 : rewards.front(), 1};  // their mean may be off by a rounding error
  const double center = mean(rewards);
  double squares = 0;
  for (double r : rewards) squares += (r - center) * (r - center);
  const double n = static_cast<double>(rewards.size());
  const double spread = std::sqrt(squares / (deviation == Deviation::sample ? n - 1 : n));
  return {center, deviation == Deviation::none ? 1.0 : spread + 1e-6};
}

std::vector<double> group_advantages(std::span<const double> rewards, Deviation deviation) {
  const GroupMoments moments = group_moments(rewards, deviation);
  std::vector<double> advantages;
  for (double r : rewards) advantages.push_back(moments.advantage(r));
  return advantages;
}

std::vector<std::vector<double>> step_rewards(const std::vector<EpisodeRewards>& episodes) {
  std::vector<std::vector<double>> rewards;
  for (const auto& episode : episodes) {
    rewards.emplace_back();
    for (const auto& votes : episode.votes) rewards.back().push_back(episode.outcome + mean(votes));
  }
  return rewards;
}

std::vector<std::vector<double>> step_index_advantages(const std::vector<EpisodeRewards>& episodes,
                                                       Deviation deviation) {
  auto values = step_rewards(episodes);
  std::size_t longest = 0;
  for (const auto& steps : values) longest = std::max(longest, steps.size());
  for (std::size_t j = 0; j < longest; ++j) {
    std::vector<double> column;
    for (const auto& steps : values)
      if (j < steps.size()) column.push_back(steps[j]);
    const auto advantages = group_advantages(column, deviation);
    auto next = advantages.begin();
    for (auto& steps : values)
      if (j < steps.size()) steps[j] = *next++;
  }
  return values;
}

}  // namespace clawrl
