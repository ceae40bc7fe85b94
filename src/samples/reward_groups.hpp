#pragma once
// Verdicts on the choices of one request (n > 1) wait for each other: a reward counts against those of its group.
//
//   verdict -> add() -> [waits] -> next() -> (the caller looks at the group's record) -> release() -> samples

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl {

/// The replies to one prompt of one request. A request of /v1/completions may have several prompts.
struct GroupKey {
  std::string request;       // "<id>" of the completion ids "<id>", "<id>/1" ...
  std::uint64_t prompt = 0;  // hash of its ids
  auto operator<=>(const GroupKey&) const = default;
};
GroupKey group_of(const Turn& turn);

struct ScoredTurn {
  Turn turn;
  Verdict verdict;
};

/// Not thread-safe. Holds at most most_turns: above it the time of the group that has waited longest is over.
class RewardGroups {
 public:
  static constexpr std::size_t most_turns = 4096;
  static constexpr double again_s = 0.5;  // a group without news is looked at so often: a choice may have been excluded

  /// wait_s: from a group's first verdict on; 0 = none waits for another. Any clock, the same for all calls.
  explicit RewardGroups(double wait_s) : wait_s_(wait_s) {}

  /// Takes the place of an earlier verdict on the turn.
  void add(Turn turn, Verdict verdict, double now_s);
  void drop(TurnId turn);

  /// The group whose record is to be looked at now, those with news first.
  std::optional<GroupKey> next(double now_s);
  /// The group's scored turns, by id, once every choice of `awaited` (those that may get a verdict) is among them or
  /// its time is over. Empty = it waits on; also when there was news since next(), and then next() names it again.
  std::vector<ScoredTurn> release(const GroupKey& group, const std::set<TurnId>& awaited, double now_s);

  std::size_t waiting() const { return turns_; }
  bool news() const;  // some group has changed and release() was not called since it was looked at

 private:
  struct Group {
    double since_s = 0;
    double looked_s = never;  // never = not since the news
    bool news = true;
    bool over = false;  // for want of room
    std::map<TurnId, ScoredTurn> scored;
  };
  static constexpr double never = -1e300;
  static void tell(Group& group);
  void make_room();

  double wait_s_;
  std::size_t turns_ = 0;
  std::map<GroupKey, Group> groups_;
};

}  // namespace clawrl
