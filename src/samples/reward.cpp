#include "samples/reward.hpp"

#include <algorithm>

#include "core/registry.hpp"

namespace clawrl {
namespace {

Registry<RewardFunction>& registry() {
  static Registry<RewardFunction> rewards("samples.reward", {{"verdict", reward_verdict}});
  return rewards;
}

}  // namespace

RegisterReward::RegisterReward(const std::string& name, RewardFunction function) {
  registry().add(name, std::move(function));
}

const RewardFunction& find_reward(const std::string& name) {
  return registry().find(name);
}

std::vector<std::string> reward_names() {
  return registry().names();
}

std::optional<double> reward_verdict(const RewardInput& input) {
  const auto& votes = input.verdict.votes;
  const bool voted = std::any_of(votes.begin(), votes.end(), [](const auto& vote) { return vote.has_value(); });
  if (input.verdict.score == 0 && !voted) return {};
  return input.verdict.score;
}

}  // namespace clawrl
