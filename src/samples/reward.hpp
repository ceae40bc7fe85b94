#pragma once
// Extension point: what a judged turn was worth, the r of the binary term. Before this comes the evaluator (votes and
// hints), after it the advantage.
//
// A new reward is one .cpp file:
//   static const clawrl::RegisterReward registered("mine", [](const clawrl::RewardInput& input) { ... });
// linked into the job (not through a static library, whose unused objects the linker drops), and samples.reward = mine.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl {

struct RewardInput {
  const Turn& turn;        // the reply, its tokens, tools and what followed
  const Verdict& verdict;  // the evaluator's votes and score; with prm.votes = 0 it has none
  const SamplesConfig& settings;
};

/// Usually in [-1, 1]. 0 gives no binary term, but in a group. Nothing = no opinion: no binary term, and the running
/// baseline does not hear of it. What is not finite excludes the turn as not_finite.
using RewardFunction = std::function<std::optional<double>(const RewardInput&)>;

/// Registers at program start; a name taken twice ends the program with an InternalError.
struct RegisterReward {
  RegisterReward(const std::string& name, RewardFunction function);
};

/// Throws UserError with the known names.
const RewardFunction& find_reward(const std::string& name);
std::vector<std::string> reward_names();  // sorted

/// "verdict": the score of the evaluator or the user, nothing without a valid vote.
std::optional<double> reward_verdict(const RewardInput& input);

}  // namespace clawrl
