// With feedback.trusted_after: verdicts on what a user said wait until the user is trusted, or does not turn out to be.

#include "roles/step_desk.hpp"

namespace clawrl {

/// A group's verdicts come here together, after they have waited for each other.
std::string StepDesk::sample(const Turn& turn, const Verdict& verdict, const std::optional<GroupMoments>& group) {
  const bool heard =
      verdict.error.empty() && builder_.refusal(turn, verdict.origin == "user", newest_for(turn)).empty();
  const Standing standing = heard ? builder_.weights().hear(turn, verdict) : Standing::steady;
  if (standing == Standing::untrusted) {
    if (const auto displaced = untrusted_.add({turn, verdict, group})) turn_down(*displaced, "untrusted");
    return {};
  }
  if (heard) untrusted_.drop(turn.id);
  if (standing == Standing::trusted)
    for (const UntrustedVerdict& one : untrusted_.take(turn))
      settle({one.turn.id, one.verdict.revision}, make_sample(one.turn, one.verdict, one.group));
  if (standing == Standing::unsteady)
    for (const UntrustedVerdict& one : untrusted_.take(turn)) turn_down(one, "unsteady");
  return make_sample(turn, verdict, group);
}

void StepDesk::turn_down(const UntrustedVerdict& one, const std::string& reason) {
  journal_.exclude_turn(one.turn.id, reason);
  last_advantage_ = 0;
  on_sampled(one.turn, one.verdict, reason);
  settle({one.turn.id, one.verdict.revision}, reason);
}

}  // namespace clawrl
