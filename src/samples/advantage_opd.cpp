// On-policy distillation, token level: A_t = log pi_T(a_t | s + hint, a_<t) - log pi_old(a_t | s, a_<t).
// A turn without a hint has no term.

#include <cmath>

#include "samples/advantage.hpp"

namespace clawrl {

Advantages advantage_opd(const AdvantageInput& input) {
  const auto& old = input.turn.completion.logprobs;
  Advantages result;
  result.tokens.assign(old.size(), 0.0F);
  if (input.verdict.chosen_hint < 0) return result;
  const auto& teacher = input.verdict.teacher.logprobs;
  if (teacher.size() != old.size()) {
    result.exclusion = "no_teacher_logprobs";
    return result;
  }
  for (std::size_t t = 0; t < old.size(); ++t) {
    if (!std::isfinite(teacher[t])) result.exclusion = "no_teacher_logprobs";
    result.tokens[t] = teacher[t] - old[t];
  }
  return result;
}

}  // namespace clawrl
