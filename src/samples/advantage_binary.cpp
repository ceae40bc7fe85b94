// Binary RL: every token of the reply gets (r - baseline) / deviation, r = the reward, by default the verdict's
// score in {-1, 0, +1}. r = 0 (tie or no valid vote) gives no term at all, whatever the baseline, but in a group. A
// graded error weighs more or less, and tokens before a located one are spared, as may be the end token.

#include "samples/advantage.hpp"
#include "samples/blame.hpp"

namespace clawrl {

Advantages advantage_binary(const AdvantageInput& input) {
  const double reward = input.reward.value_or(input.verdict.score);
  const double advantage = reward == 0 && !input.in_group ? 0 : (reward - input.baseline) / input.deviation;
  Advantages result;
  const double weight = severity_weight(input.verdict, input.settings);
  result.tokens.assign(input.turn.completion.ids.size(), static_cast<float>(weight * advantage));
  spare_before_fault(input.verdict, input.settings, result.tokens);
  spare_end(input.turn, input.verdict, input.settings, result.tokens);
  return result;
}

}  // namespace clawrl
