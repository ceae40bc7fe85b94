#include "samples/reward.hpp"

#include <algorithm>
#include <map>

#include "core/error.hpp"

namespace clawrl {
namespace {

// Built on first use, so that registration from another file's static objects finds it.
std::map<std::string, RewardFunction>& registry() {
  static std::map<std::string, RewardFunction> rewards = {{"verdict", reward_verdict}};
  return rewards;
}

}  // namespace

RegisterReward::RegisterReward(const std::string& name, RewardFunction function) {
  expect(registry().emplace(name, std::move(function)).second, "reward '" + name + "' is registered twice");
}

const RewardFunction& find_reward(const std::string& name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second;
  std::string known;
  for (const auto& reward : reward_names()) known += (known.empty() ? "" : ", ") + reward;
  throw UserError("samples.reward = '" + name + "' is not allowed: one of " + known);
}

std::vector<std::string> reward_names() {
  std::vector<std::string> names;
  for (const auto& [name, function] : registry()) names.push_back(name);
  return names;
}

std::optional<double> reward_verdict(const RewardInput& input) {
  const auto& votes = input.verdict.votes;
  const bool voted = std::any_of(votes.begin(), votes.end(), [](const auto& vote) { return vote.has_value(); });
  if (input.verdict.score == 0 && !voted) return {};
  return input.verdict.score;
}

}  // namespace clawrl
