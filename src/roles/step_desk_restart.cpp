// What a desk does with what a journal holds already: steps taken again, what waited, and steps that were given up.

#include <set>
#include <sstream>

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "roles/step_desk.hpp"
#include "samples/step_shards.hpp"

namespace clawrl {
namespace {

constexpr std::int64_t all_steps = INT64_MAX;
constexpr const char* went_back_key = "trainers_went_back";  // of the journal's metadata: "<step> <version>"

std::vector<SampleId> ids_of(const StepRecord& record) {
  std::vector<SampleId> ids;
  for (const SampleUse& use : record.samples) ids.push_back(use.id);
  return ids;
}

}  // namespace

void StepDesk::resume_from(std::int64_t step, std::int64_t version, const JournalReader* source, bool foreign,
                           const std::string& lines) {
  step_ = step;
  version_ = dispatched_version_ = version;
  source_ = source;
  foreign_ = foreign;
  if (shared())
    lines_.begin_at(shared_line, step, version);
  else
    restore_lines(lines);
  for (StepRecord& record : source->steps(step + 1, all_steps)) recorded_.push_back(std::move(record));
  next_version_ = (foreign ? version : std::max(version, journal_.highest_version())) + 1;
}

void StepDesk::restore_waiting() {
  std::vector<TrainingSample> used;
  const auto way_back = newest_way_back(journal_);
  const std::int64_t newest = journal_.last_planned_step(), given_up = way_back ? way_back->step : 0;
  for (const std::string& line : journal_.trained_lines())
    for (TrainingSample& sample :
         journal_.samples(journal_.used_samples(config_.samples.replay_window, newest, line, given_up)))
      used.push_back(std::move(sample));
  batcher_.restore_window(std::move(used));
  backlog_ = true;             // what add() saves here is among the unused samples, too
  std::set<TurnId> outranked;  // feedback on them is still to be judged
  for (const FeedbackRecord& record : journal_.open_feedback()) outranked.insert(record.turn);
  const std::vector<TurnId> scored = journal_.turns_in(TurnState::scored), late = journal_.feedback_without_sample();
  std::set<TurnId> waiting(scored.begin(), scored.end());
  waiting.insert(late.begin(), late.end());  // on turns that are trained already
  for (TurnId id : waiting)
    if (outranked.contains(id)) {
      continue;
    } else if (const auto verdict = journal_.newest_verdict(id);
               verdict && !journal_.has_sample({id, verdict->revision}))
      settle({id, verdict->revision}, add(journal_.turn(id).value(), *verdict));
  take_backlog(monotonic_s());
}

std::optional<StepDesk::WayBack> StepDesk::newest_way_back(const JournalReader& journal) {
  const auto text = journal.get(went_back_key);
  if (!text) return std::nullopt;
  WayBack back{};
  std::istringstream(*text) >> back.step >> back.version;
  return back;
}

std::int64_t StepDesk::went_back() {
  expect(!in_flight_ && recorded_.empty(), "the trainers went back while a step was under way");
  batcher_.restore_window({});
  version_ = dispatched_version_ = next_version_++;
  journal_.put(went_back_key, std::to_string(step_) + " " + std::to_string(version_));
  lines_.begin_at(line_, lines_.steps(line_), version_);
  return version_;
}

std::optional<StepDesk::Planned> StepDesk::recorded_step() {
  Planned planned;
  planned.record = std::move(recorded_.front());
  recorded_.pop_front();
  planned.samples = source_->samples_left(ids_of(planned.record));
  leave_out_erased(planned);
  const std::string& line = planned.record.line;
  if (planned.samples.empty()) {  // nothing to take: the weights go on without it
    step_ = planned.record.step;
    lines_.stepped(line, lines_.newest(line));
    return std::nullopt;
  }
  if (planned.record.shards.size() != trainers_.size())  // resumed on another number of trainers
    planned.record.shards = step_shards(planned.samples, static_cast<int>(trainers_.size()));
  // An unfinished step's number may have been announced for bits that are not on record; on a shared line any may, as
  // what was pushed then may have seen a later step's shared part.
  const bool unknown = config_.policy.stacked() || (!config_.run.deterministic && !planned.record.finished());
  if (!foreign_ && unknown) planned.record.version = next_version_;
  next_version_ = std::max(next_version_, planned.record.version + 1);
  return planned;
}

/// Samples that a user had erased since the step was recorded.
void StepDesk::leave_out_erased(Planned& planned) {
  auto& uses = planned.record.samples;
  const std::size_t before = uses.size();
  if (planned.samples.size() == before) return;
  std::size_t left = 0;
  std::erase_if(uses, [&](const SampleUse& use) {
    const bool here = left < planned.samples.size() && planned.samples[left].id == use.id;
    left += here;
    return !here;
  });
  planned.record.shards.clear();  // made anew of what is left
  journal_.save_event("step_without_erased", "step " + std::to_string(planned.record.step) + " is taken again with " +
                                                 std::to_string(uses.size()) + " of " + std::to_string(before) +
                                                 " samples");
}

}  // namespace clawrl
