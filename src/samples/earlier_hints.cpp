#include "samples/earlier_hints.hpp"

#include <algorithm>

#include "samples/feedback_weight.hpp"

namespace clawrl {

std::vector<std::string> EarlierHints::before(const Turn& turn) const {
  std::vector<std::string> texts;
  const auto found = users_.find(influence_key(turn));
  if (found == users_.end()) return texts;
  for (const Hint& hint : found->second.hints)
    if (hint.turn != turn.id) texts.push_back(hint.text);
  return texts;
}

void EarlierHints::add(const Turn& turn, const Verdict& verdict) {
  if (verdict.chosen_hint < 0) return;
  const std::string key = influence_key(turn);
  if (!users_.contains(key) && users_.size() >= most_users)
    users_.erase(std::min_element(users_.begin(), users_.end(),
                                  [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  User& user = users_[key];
  user.used = ++adds_;
  std::erase_if(user.hints, [&](const Hint& hint) { return hint.turn == turn.id; });
  user.hints.push_back({turn.id, verdict.hints.at(static_cast<std::size_t>(verdict.chosen_hint))});
  if (user.hints.size() > per_user) user.hints.pop_front();
}

void EarlierHints::forget(TurnId turn) {
  for (auto& [key, user] : users_) std::erase_if(user.hints, [&](const Hint& hint) { return hint.turn == turn; });
  std::erase_if(users_, [](const auto& entry) { return entry.second.hints.empty(); });
}

}  // namespace clawrl
