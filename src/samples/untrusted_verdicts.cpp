#include "samples/untrusted_verdicts.hpp"

#include <algorithm>
#include <utility>

#include "samples/feedback_weight.hpp"

namespace clawrl {

UntrustedVerdict UntrustedVerdicts::take_oldest(Users::iterator user) {
  UntrustedVerdict one = std::move(user->second.front().one);
  user->second.pop_front();
  if (user->second.empty()) users_.erase(user);
  --turns_;
  return one;
}

std::optional<UntrustedVerdict> UntrustedVerdicts::add(UntrustedVerdict one) {
  drop(one.turn.id);
  const auto user = users_.try_emplace(influence_key(one.turn)).first;
  user->second.push_back({++adds_, std::move(one)});
  ++turns_;
  if (user->second.size() > most_per_user) return take_oldest(user);
  if (turns_ <= most_turns) return std::nullopt;
  return take_oldest(std::min_element(users_.begin(), users_.end(), [](const auto& a, const auto& b) {
    const auto rank = [](const auto& held) { return std::pair(held.second.size(), held.second.front().added); };
    return rank(a) < rank(b);
  }));
}

std::vector<UntrustedVerdict> UntrustedVerdicts::take(const Turn& turn) {
  std::vector<UntrustedVerdict> all;
  const auto user = users_.find(influence_key(turn));
  if (user == users_.end()) return all;
  for (Held& held : user->second) all.push_back(std::move(held.one));
  turns_ -= all.size();
  users_.erase(user);
  return all;
}

void UntrustedVerdicts::drop(TurnId turn) {
  for (auto user = users_.begin(); user != users_.end();) {
    turns_ -= std::erase_if(user->second, [&](const Held& held) { return held.one.turn.id == turn; });
    user = user->second.empty() ? users_.erase(user) : std::next(user);
  }
}

}  // namespace clawrl
