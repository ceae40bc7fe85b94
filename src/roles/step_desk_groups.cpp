// With samples.baseline = group: verdicts on the choices of one request become samples together.

#include <algorithm>

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "roles/step_desk.hpp"

namespace clawrl {

std::string StepDesk::add(const Turn& turn, const Verdict& verdict) {
  const bool waits = config_.samples.baseline == "group" && !turn.completion_id.empty() && verdict.error.empty() &&
                     builder_.refusal(turn, verdict.origin == "user", newest_for(turn)).empty();
  if (!waits) return sample(turn, verdict);
  groups_.add(turn, verdict, monotonic_s());
  return {};
}

/// One look at the journal at a time, off this thread: it waits for a commit.
void StepDesk::tick_groups(double now_s) {
  if (looking_.valid()) {
    if (looking_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    try {
      release(looking_.get(), now_s);
    } catch (const UserError&) {  // the scored turns are added again by a restart
      if (!journal_.failed()) throw;
    }
  }
  if (stopping_ || journal_.failed()) return;
  const auto group = groups_.next(now_s);
  if (!group || generating(*group)) return;
  looked_at_ = *group;
  looking_ = std::async(std::launch::async, [this, key = *group] { return look_up_group(journal_, key); });
}

void StepDesk::release(const GroupRecord& record, double now_s) {
  std::set<TurnId> awaited;
  for (const GroupChoice& choice : record.ended_well)
    if (choice.awaited && refusal(choice.turn).empty()) awaited.insert(choice.turn.id);
  const std::vector<ScoredTurn> released = groups_.release(looked_at_, awaited, now_s);
  if (released.empty()) return;
  std::optional<GroupMoments> group;
  if (record.choices > 1) group = moments_of(record, released);
  for (const auto& [turn, verdict] : released) settle({turn.id, verdict.revision}, sample(turn, verdict, group));
}

/// Also of choices that have their samples already: a late verdict is measured against them.
GroupMoments StepDesk::moments_of(const GroupRecord& record, const std::vector<ScoredTurn>& released) const {
  std::vector<double> rewards;
  std::set<TurnId> counted;
  const auto count = [&](const Turn& turn, const Verdict& verdict) {
    if (!counted.insert(turn.id).second) return;
    if (const auto reward = builder_.reward(turn, verdict)) rewards.push_back(*reward);
  };
  for (const auto& [turn, verdict] : released) count(turn, verdict);
  for (const GroupChoice& choice : record.ended_well)
    if (choice.verdict) count(choice.turn, *choice.verdict);
  return group_moments(rewards);
}

}  // namespace clawrl
