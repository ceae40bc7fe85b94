// Binary RL: every token of the reply gets (r - baseline) / deviation, r = the verdict's score in {-1, 0, +1}.
// r = 0 (tie or no valid vote) gives no term at all, whatever the baseline.

#include "samples/advantage.hpp"

namespace clawrl {

Advantages advantage_binary(const AdvantageInput& input) {
  const double reward = input.verdict.score;
  const double advantage = reward == 0 ? 0 : (reward - input.baseline) / input.deviation;
  Advantages result;
  result.tokens.assign(input.turn.completion.ids.size(), static_cast<float>(advantage));
  return result;
}

}  // namespace clawrl
