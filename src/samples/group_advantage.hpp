#pragma once
// Advantages of what is tried several times: the choices of one request, episodes of a task. Rewards in double
// throughout.

#include <span>
#include <vector>

namespace clawrl {

enum class Deviation { sample, population, none };  // n - 1, n, no division

/// What a group does to each of its rewards: (r - mean) / divisor, 0 for all when they are equal.
struct GroupMoments {
  double mean = 0, divisor = 1;
  double advantage(double reward) const { return (reward - mean) / divisor; }
};
GroupMoments group_moments(std::span<const double> rewards, Deviation deviation = Deviation::sample);

/// GRPO: (r - mean) / (deviation + 1e-6) within the group. A single or all-equal rewards give 0.
std::vector<double> group_advantages(std::span<const double> rewards, Deviation deviation = Deviation::sample);

/// One episode of a task: its outcome and the votes of each of its steps.
struct EpisodeRewards {
  double outcome = 0;
  std::vector<std::vector<double>> votes;  // [steps][votes], valid votes only
};

/// Step reward = outcome + mean of the step's votes (0 without votes), standardised over the episodes that have a step
/// with this index. Returns [episodes][steps].
std::vector<std::vector<double>> step_index_advantages(const std::vector<EpisodeRewards>& episodes,
                                                       Deviation deviation = Deviation::sample);
std::vector<std::vector<double>> step_rewards(const std::vector<EpisodeRewards>& episodes);

}  // namespace clawrl
