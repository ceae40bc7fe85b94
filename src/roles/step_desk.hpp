#pragma once
// Verdicts become samples, samples become optimiser steps: exactly once, on record before and after.
//
//   verdict -> sample (journal) -> batcher -> plan (journal, durable) -> TakeStep to the trainers -> StepDone (journal)
//
// With samples.baseline = group verdicts wait for those on the other choices of the request before they become samples,
// with feedback.trusted_after for more words of the user.
//
// Steps that the journal already holds (restart, replay) are taken again first, from exactly their record.

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/mailbox.hpp"
#include "config/run_config.hpp"
#include "journal/journal.hpp"
#include "roles/group_lookup.hpp"
#include "roles/messages.hpp"
#include "roles/sample_types.hpp"
#include "samples/batcher.hpp"
#include "samples/reward_groups.hpp"
#include "samples/sample_builder.hpp"
#include "samples/untrusted_verdicts.hpp"

namespace clawrl {

/// Head thread only. One step is in flight at a time.
class StepDesk {
 public:
  StepDesk(Mailbox& mailbox, Journal& journal, const RunConfig& config, std::vector<int> trainer_ranks,
           std::function<void(const messages::StepDone&)> done);

  /// Where the weights stand: after this step, as this version. Steps that `source` recorded after it will be taken
  /// again; `source` is the run's own journal (restart) or another run's (replay, `foreign`). With lines per user
  /// `lines` is what lines().text() was then; empty = there were none.
  void resume_from(std::int64_t step, std::int64_t version, const JournalReader* source, bool foreign,
                   const std::string& lines = "");
  /// What a restart finds in the journal and no step has taken.
  void restore_waiting();

  /// The turn's sample goes to the journal and, if it can be trained on, waits for a step. Else: why not. A verdict
  /// that waits for its group has no reason yet: on_sampled() tells it, and feedback is settled anew. What waits when
  /// the process ends is scored in the journal, and restore_waiting() adds it again.
  std::string add(const Turn& turn, const Verdict& verdict);
  /// Told of every sample that was made, or of why there is none.
  std::function<void(const Turn&, const Verdict&, const std::string& reason)> on_sampled =
      [](const Turn&, const Verdict&, const std::string&) {};
  /// Is a choice of the group being generated?
  std::function<bool(const GroupKey&)> generating = [](const GroupKey&) { return false; };
  /// Why no feedback can make a sample of this turn now; empty = it can.
  std::string refusal(const Turn& turn) const;
  /// Samples of the turn that no step took will not be trained; used ones leave the replay window.
  void drop(TurnId turn, const std::string& reason);
  void take(const messages::StepDone& done);
  /// The line's weights and moments go, at once or when its step in flight has ended; its turns have been dropped. A
  /// restart from a checkpoint that still has them drops them again.
  void drop_line(const std::string& line);
  /// With policy.lines = both: the number under which the line goes out as it stands on the shared one by now. None
  /// while a step of the line is under way, whose version will go out.
  std::optional<std::int64_t> rebase(const std::string& line);
  /// The version went out with what the trainers hold, or will when the step in flight has ended.
  void pushed(const LineVersion& version) { held_[version.line] = version.number; }
  /// Composes, records and sends the next step when one is due.
  void tick(double now_s);

  /// Is a sample of the turn in the step that is under way?
  bool taking(TurnId turn) const;
  /// No new steps until it is called with false; the one in flight ends.
  void pause(bool paused) { paused_ = paused; }
  /// The trainers hold other weights than the last step made: those of before steps that failed. Their number from now
  /// on. What the window holds made the failed ones and is not replayed. Nothing is in flight, and no recorded steps
  /// are left.
  std::int64_t went_back();
  struct WayBack {
    std::int64_t step, version;  // after this step, as this version
  };
  static std::optional<WayBack> newest_way_back(const JournalReader& journal);
  void stop() { stopping_ = true; }  // no new steps; the one in flight ends
  bool busy() const { return in_flight_.has_value(); }
  bool recorded_steps_left() const { return !recorded_.empty(); }
  std::int64_t step() const { return step_; }        // finished
  std::int64_t version() const { return version_; }  // made by the last finished step
  std::int64_t dispatched_version() const { return dispatched_version_; }
  LineVersion dispatched() const { return {dispatched_version_, dispatched_line_}; }  // made by the last step sent
  const std::string& line() const { return line_; }  // that the last finished step trained
  const PolicyLines& lines() const { return lines_; }
  /// Told when a line is dropped, after the trainers.
  std::function<void(const std::string& line)> on_line_dropped = [](const std::string&) {};
  std::size_t waiting() const { return batcher_.waiting(); }
  std::size_t waiting_for_group() const { return groups_.waiting(); }
  std::size_t waiting_for_trust() const { return untrusted_.waiting(); }
  bool looks_at_groups() const { return groups_.news(); }  // whether a verdict completes one
  bool batch_waits() const { return batcher_.will_have_batch(); }
  /// Request types of the last finished step, in the order of its StepMetrics::kinds.
  const std::vector<std::string>& last_types() const { return types_.names(); }
  /// Turns that the last finished step took for the first time.
  const std::vector<TurnId>& last_fresh() const { return last_fresh_; }
  /// Mean over the tokens of the sample that on_sampled() tells of; 0 if there is none.
  double last_advantage() const { return last_advantage_; }
  RunningBaseline& baseline() { return builder_.baseline(); }
  FeedbackWeights& weights() { return builder_.weights(); }

 private:
  struct Planned {
    StepRecord record;
    std::vector<TrainingSample> samples;
    std::future<void> durable;  // not valid = nothing to wait for
  };
  bool shared() const { return config_.policy.lines == "shared"; }
  std::int64_t newest_for(const Turn& turn) const;
  std::string taught_line(const Turn& turn) const;
  std::int64_t take_held(const std::string& line);
  void restore_lines(const std::string& text);
  void forget_line(const std::string& line);
  std::string sample(const Turn& turn, const Verdict& verdict, const std::optional<GroupMoments>& group = {});
  std::string make_sample(const Turn& turn, const Verdict& verdict, const std::optional<GroupMoments>& group);
  void turn_down(const UntrustedVerdict& one, const std::string& reason);
  void settle(SampleId id, const std::string& reason);
  std::string save_sample(const Turn& turn, const Verdict& verdict, const std::optional<GroupMoments>& group);
  void tick_groups(double now_s);
  void release(const GroupRecord& record, double now_s);
  GroupMoments moments_of(const GroupRecord& record, const std::vector<ScoredTurn>& released) const;
  std::optional<Planned> recorded_step();
  void leave_out_erased(Planned& planned);
  std::optional<Planned> new_step(double now_s);
  void dispatch(const Planned& planned);
  void take_backlog(double now_s);
  void exclude_dropped();

  Mailbox& mailbox_;
  Journal& journal_;
  const RunConfig& config_;
  std::vector<int> trainers_;
  std::function<void(const messages::StepDone&)> done_;
  SampleBuilder builder_;
  PolicyLines lines_;
  RewardGroups groups_;
  UntrustedVerdicts untrusted_;
  GroupKey looked_at_;
  std::future<GroupRecord> looking_;
  Batcher batcher_;
  const JournalReader* source_ = nullptr;
  bool foreign_ = false;
  std::deque<StepRecord> recorded_;
  std::optional<Planned> in_flight_;
  bool sent_ = false, stopping_ = false, paused_ = false;
  bool backlog_ = false;  // the journal holds samples that the batcher had no room for: new ones queue up there
  std::int64_t step_ = 0, version_ = 0, next_version_ = 1, dispatched_version_ = 0;
  std::string line_ = shared_line, dispatched_line_ = shared_line;
  /// With policy.lines = both: the version of a line with the trainers' bits of both parts; every step ends them all.
  std::map<std::string, std::int64_t> held_;
  std::string dropping_;  // line whose step in flight has to end first; empty = none
  std::int64_t steps_this_run_ = 0;
  SampleTypes types_;
  std::vector<TurnId> last_fresh_;
  double last_advantage_ = 0;
};

}  // namespace clawrl
