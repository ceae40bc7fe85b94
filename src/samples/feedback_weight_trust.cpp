// How far a user is believed yet: by whether what they say agrees with what they said before.

#include <algorithm>

#include "samples/feedback_weight.hpp"

namespace clawrl {

FeedbackWeights::Agreement FeedbackWeights::agreement(const User& user) {
  Agreement found;
  for (const Weighed& one : user.newest) {
    found.compared += one.evidence != 0;
    found.contradicts += one.evidence < 0;
    found.evidence += one.evidence;
  }
  return found;
}

bool FeedbackWeights::waits(const Turn& turn) const {
  return settings_.trusted_after > 0 && names_user(turn);
}

bool FeedbackWeights::doubtful(Agreement agreement) const {
  return agreement.contradicts > settings_.most_contradictions * agreement.compared;
}

/// Of whom can wait one contradiction more may be a slip.
bool FeedbackWeights::unsteady(const Turn& turn, Agreement agreement) const {
  if (waits(turn)) --agreement.contradicts;
  return doubtful(agreement);
}

bool FeedbackWeights::trusted(const Turn& turn, Agreement agreement) const {
  return waits(turn) && agreement.evidence >= settings_.trusted_after && !doubtful(agreement);
}

/// Whoever has said little has not shown yet whether they have wishes that their votes could be compared with.
bool FeedbackWeights::early(const User& user) const {
  return user.newest.size() < static_cast<std::size_t>(settings_.newcomer_samples);
}

bool FeedbackWeights::votes_alone(const User& user) const {
  return std::none_of(user.newest.begin(), user.newest.end(), [](const Weighed& one) { return one.wish; });
}

/// A wish, or what could be compared with one, of somebody of whom it is not known yet whether they mean it; anything
/// of somebody of whom it is doubtful, or who has said little.
bool FeedbackWeights::untrusted(const Turn& turn, const User& user, const Weighed& said, Agreement agreement) const {
  return waits(turn) && (said.wish || early(user) || doubtful(agreement)) && !trusted(turn, agreement);
}

/// Agreement makes up for being new.
double FeedbackWeights::trust(const Turn& turn, const User& user, const Weighed& said, Agreement agreement,
                              std::int64_t sample) const {
  if (trusted(turn, agreement)) return 1;
  if (untrusted(turn, user, said, agreement)) return 0;
  return std::min(1.0, static_cast<double>(sample) / std::max(1, settings_.newcomer_samples));
}

Standing FeedbackWeights::hear(const Turn& turn, const Verdict& verdict) {
  if (settings_.trusted_after == 0) return Standing::steady;
  User& user = user_of(turn);
  const Weighed& said = note(user, turn, verdict);
  const Agreement agreed = agreement(user);
  if (unsteady(turn, agreed)) return Standing::unsteady;
  if (trusted(turn, agreed)) return Standing::trusted;
  if (untrusted(turn, user, said, agreed)) return Standing::untrusted;
  const bool votes_waited = waits(turn) && settings_.newcomer_samples > 0 && votes_alone(user);
  return votes_waited ? Standing::trusted : Standing::steady;
}

}  // namespace clawrl
