#pragma once
// Turns that wait for a verdict: which PRM rank judges which, and what happens when none answers.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "comm/mailbox.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl {

/// Head thread only.
class JudgeDesk {
 public:
  /// `timeout_s`: a turn without a verdict for so long is given to another rank (if there is one) once, then failed.
  JudgeDesk(Mailbox& mailbox, std::vector<int> prm_ranks, double timeout_s,
            std::function<void(const Turn&, Verdict)> judged)
      : mailbox_(mailbox), ranks_(std::move(prm_ranks)), timeout_s_(timeout_s), judged_(std::move(judged)) {}

  /// Where the user's earlier hints are asked for, a turn waits for the verdicts on those of its session before it.
  bool in_order = false;
  /// The user's earlier hints, for Verdict::hint_agreement; asked when a turn goes out.
  std::function<std::vector<std::string>(const Turn&)> earlier_hints = [](const Turn&) {
    return std::vector<std::string>();
  };

  void submit(Turn turn, std::int32_t revision, GivenVerdict given = {});
  bool has(SampleId id) const;  // waits or is being judged
  void drop(TurnId turn);       // nobody wants its verdicts any more; late ones are ignored
  void take(Verdict verdict);
  void tick(double now_s);
  std::size_t waiting() const { return waiting_.size() + open_.size(); }

 private:
  static constexpr int per_rank = 64;  // in flight; more wait here
  struct Case {
    Turn turn;
    GivenVerdict given;
    int rank = 0;
    int attempts = 0;
    double since_s = 0;
  };
  void dispatch();
  void send(SampleId id, Case& one, int rank);
  void closed(const Case& one);

  Mailbox& mailbox_;
  std::vector<int> ranks_;
  double timeout_s_;
  std::function<void(const Turn&, Verdict)> judged_;
  struct Waiting {
    SampleId id;
    Turn turn;
    GivenVerdict given;
  };
  std::deque<Waiting> waiting_;
  std::map<SampleId, Case> open_;
  std::map<int, int> load_;
  std::set<std::string> judged_sessions_;  // with in_order: those of which a turn is being judged
};

}  // namespace clawrl
