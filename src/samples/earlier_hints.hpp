#pragma once
// The newest hints that came of each user's words, for new ones to be compared with.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl {

/// Not thread-safe. In memory only, since a hint may repeat what its user wrote: a restart begins without any. Of
/// most_users; above it the one that was silent longest is forgotten.
class EarlierHints {
 public:
  static constexpr std::size_t per_user = 4, most_users = 10000;

  /// Oldest first; those of the turn itself are left out.
  std::vector<std::string> before(const Turn& turn) const;
  /// Takes the chosen hint, if there is one, in the place of an earlier revision's.
  void add(const Turn& turn, const Verdict& verdict);
  void forget(TurnId turn);

 private:
  struct Hint {
    TurnId turn;
    std::string text;
  };
  struct User {
    std::deque<Hint> hints;
    std::int64_t used = 0;  // count of add() when it was last called
  };
  std::map<std::string, User> users_;  // by influence_key()
  std::int64_t adds_ = 0;
};

}  // namespace clawrl
