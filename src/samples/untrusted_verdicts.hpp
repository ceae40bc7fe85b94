#pragma once
// Verdicts on what users said who are not trusted yet (feedback.trusted_after): they wait for their user's next words.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "samples/group_advantage.hpp"

namespace clawrl {

struct UntrustedVerdict {
  Turn turn;
  Verdict verdict;
  std::optional<GroupMoments> group;  // of the rewards of its group, where it is of one
};

/// Not thread-safe. At most most_per_user of a user and most_turns in all. In memory only: what waits is scored in the
/// journal.
class UntrustedVerdicts {
 public:
  static constexpr std::size_t most_per_user = 32, most_turns = 1024;

  /// Takes the place of an earlier verdict on the turn. Returns what there is no room for any more: the oldest of the
  /// user, else the oldest of those who have the fewest, so that made-up names displace each other.
  std::optional<UntrustedVerdict> add(UntrustedVerdict one);
  /// All of the user that this turn is of, oldest first; they wait no longer.
  std::vector<UntrustedVerdict> take(const Turn& turn);
  void drop(TurnId turn);
  std::size_t waiting() const { return turns_; }

 private:
  struct Held {
    std::int64_t added = 0;  // count of add() by then
    UntrustedVerdict one;
  };
  using Users = std::map<std::string, std::deque<Held>>;  // by influence_key(), oldest first
  UntrustedVerdict take_oldest(Users::iterator user);

  Users users_;
  std::size_t turns_ = 0;
  std::int64_t adds_ = 0;
};

}  // namespace clawrl
