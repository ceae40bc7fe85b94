#pragma once
// How much of an influence one piece of feedback has on the policy, by who gave it and what they said before.
//
//   weight = silence x contradiction x repetition x posing x trust, then cut by what is left of the user's and the
//   day's share; 0 while the user contradicts themselves too often
//
// Everything is off (weight 1) by default. The clipped loss and the divergence are homogeneous in the advantages, so a
// sample with weight w counts as w of one.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "samples/statement.hpp"

namespace clawrl {

/// Whether the request says whose it is, by API key or `user`.
bool names_user(const Turn& turn);

/// Whose influence it is: API key and `user` where the request names either, else the session. 16 hexadecimal digits of
/// a hash, so that no name is kept.
std::string influence_key(const Turn& turn);

struct FeedbackWeight {
  double value = 1;
  std::string reason;  // why it is 0: user_cap, day_cap, discounted, poses_as_judge, unsteady, zero_advantage
  std::vector<TurnId> withdrawn = {};  // earlier turns of a user who turned out to be unsteady: not to be used again
};

/// How the user of a verdict stands. untrusted: it is to wait for what they say next. trusted: what waited can be
/// learned from (of somebody who has said enough without any wish, too). unsteady: nothing can. steady: nothing against
/// it, and it says nothing of what waits.
enum class Standing { steady, trusted, untrusted, unsteady };

/// Not thread-safe. A function of its calls in order: the same journal gives the same weights. Its clock is the newest
/// Turn::created_s that it has seen, so feedback on an old turn does not count for an old day. At most most_users are
/// remembered; above it the one that was silent longest is forgotten.
class FeedbackWeights {
 public:
  static constexpr std::size_t most_users = 10000;

  explicit FeedbackWeights(const FeedbackWeighting& settings) : settings_(settings) {}

  /// How its user stands with what they say now, which is remembered. Before weigh(), which takes it from there; what
  /// waited in between is weighed by what had been said until then.
  Standing hear(const Turn& turn, const Verdict& verdict);

  /// The weight of the turn's sample; what it takes of the caps is taken. A further revision of a turn (the user's own
  /// word after the judge's, or back) takes the place of the one before: it is not compared with it, and what that took
  /// today is given back.
  /// `moves`: whether the sample has an advantage; without one it takes nothing and only what was said counts.
  FeedbackWeight weigh(const Turn& turn, const Verdict& verdict, bool moves = true);

  /// For checkpoints: one line per user, hashes and numbers only. restore() throws UserError for anything else.
  std::string text() const;
  void restore(const std::string& text);

 private:
  struct Weighed {
    TurnId turn;
    Statement said;
    int evidence = 0;   // that its user means it: below 0 against that, 0 = there was nothing to compare it with
    bool wish = false;  // it gave a hint, or could be compared with one
    double taken = 0;   // of the caps of `day`
    std::int64_t day = 0;
    std::int32_t heard = -1;  // revision that is still to be weighed; -1 = none. Not in text(): it is heard again
  };
  struct User {
    double used = 0;             // weight taken today
    double seen_s = 0;           // Unix seconds
    std::int64_t samples = 0;    // turns that counted, each once
    std::deque<Weighed> newest;  // newest last
  };
  bool idle() const;
  Weighed& note(User& user, const Turn& turn, const Verdict& verdict) const;
  void give_back(User& user, Weighed& said);
  int compare(const User& user, const Statement& said, const Verdict& verdict) const;
  double discount(const User& user, const Weighed& said) const;
  struct Agreement {
    int compared = 0, contradicts = 0;  // of the newest feedback
    int evidence = 0;                   // towards feedback.trusted_after
  };
  static Agreement agreement(const User& user);
  bool waits(const Turn& turn) const;
  bool doubtful(Agreement agreement) const;
  bool unsteady(const Turn& turn, Agreement agreement) const;
  bool trusted(const Turn& turn, Agreement agreement) const;
  bool early(const User& user) const;
  bool votes_alone(const User& user) const;
  bool untrusted(const Turn& turn, const User& user, const Weighed& said, Agreement agreement) const;
  static std::vector<TurnId> withdraw(User& user);
  double trust(const Turn& turn, const User& user, const Weighed& said, Agreement agreement, std::int64_t sample) const;
  double left(const User& user) const;
  User& user_of(const Turn& turn);

  FeedbackWeighting settings_;
  double clock_s_ = 0;
  std::int64_t day_ = 0;              // of the clock
  double used_ = 0;                   // by all, today
  std::int64_t unnamed_samples_ = 0;  // of all who name neither key nor user: newcomers together, since a session ends
  std::map<std::string, User> users_;
};

}  // namespace clawrl
