#include "roles/step_desk.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <sstream>

#include "core/error.hpp"
#include "roles/clock.hpp"
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

double mean_advantage(const TrainingSample& sample) {
  const auto trained = std::count(sample.loss_mask.begin(), sample.loss_mask.end(), std::uint8_t{1});
  const double sum = std::accumulate(sample.advantages.begin(), sample.advantages.end(), 0.0);
  return trained > 0 ? sum / static_cast<double>(trained) : 0;
}

}  // namespace

StepDesk::StepDesk(Mailbox& mailbox, Journal& journal, const RunConfig& config, std::vector<int> trainer_ranks,
                   std::function<void(const messages::StepDone&)> done)
    : mailbox_(mailbox),
      journal_(journal),
      config_(config),
      trainers_(std::move(trainer_ranks)),
      done_(std::move(done)),
      builder_(config.samples, config.trainer.loss.kl_beta > 0),
      lines_(config),
      groups_(config.samples.group_wait_s),
      batcher_(config.samples, config.run.seed, lines_.most()) {}

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

std::string StepDesk::refusal(const Turn& turn) const {
  return builder_.refusal(turn, true, newest_for(turn));
}

std::string StepDesk::make_sample(const Turn& turn, const Verdict& verdict, const std::optional<GroupMoments>& group) {
  const std::string reason = save_sample(turn, verdict, group);
  on_sampled(turn, verdict, reason);
  return reason;
}

std::string StepDesk::save_sample(const Turn& turn, const Verdict& verdict, const std::optional<GroupMoments>& group) {
  const std::string line = taught_line(turn);
  BuiltSample built = builder_.build(turn, verdict, newest_for(turn), line, group);
  if (built.sample && built.exclusion.empty() && !lines_.admit(line)) built.exclusion = "max_lines";
  if (built.sample) built.sample->line = line;
  last_advantage_ = built.sample ? mean_advantage(*built.sample) : 0;
  for (const TurnId earlier : built.withdrawn) {
    drop(earlier, built.exclusion);
    journal_.exclude_samples(earlier, built.exclusion);
  }
  if (!built.sample) {
    if (verdict.error.empty()) journal_.exclude_turn(turn.id, built.exclusion);
    return built.exclusion;
  }
  journal_.save_sample(*built.sample, built.exclusion);
  if (!built.exclusion.empty()) return built.exclusion;
  backlog_ = backlog_ || batcher_.full();
  if (!backlog_) batcher_.add(std::move(*built.sample), monotonic_s());
  return {};
}

/// Of a verdict that waited: its feedback was answered as if it had become a sample.
void StepDesk::settle(SampleId id, const std::string& reason) {
  if (!reason.empty() && id.revision > 0) journal_.settle_feedback(id, reason);
}

void StepDesk::drop(TurnId turn, const std::string& reason) {
  groups_.drop(turn);
  untrusted_.drop(turn);
  batcher_.drop(turn, reason);
  exclude_dropped();
  journal_.exclude_unused_samples(turn, reason);
}

bool StepDesk::taking(TurnId turn) const {
  if (!in_flight_) return false;
  const auto& uses = in_flight_->record.samples;
  return std::any_of(uses.begin(), uses.end(), [&](const SampleUse& use) { return use.id.turn == turn; });
}

/// The journal's unused samples are, in its order, those that wait already and then the backlog.
void StepDesk::take_backlog(double now_s) {
  if (!backlog_ || batcher_.full() || batcher_.has_batch()) return;
  exclude_dropped();
  const std::size_t limit = batcher_.capacity();
  std::vector<TrainingSample> unused = journal_.unused_samples(static_cast<std::int64_t>(limit));
  backlog_ = unused.size() == limit;
  for (std::size_t i = batcher_.waiting(); i < unused.size(); ++i) {
    lines_.admit(unused[i].line);
    batcher_.add(std::move(unused[i]), now_s);
  }
}

void StepDesk::exclude_dropped() {
  for (const auto& [id, reason] : batcher_.take_dropped()) journal_.exclude_sample(id, reason);
}

void StepDesk::tick(double now_s) {
  tick_groups(now_s);
  if (!in_flight_ && !stopping_ && !paused_ && !journal_.failed()) {  // what cannot be recorded is not trained on
    if (config_.run.max_steps > 0 && steps_this_run_ >= config_.run.max_steps) return;
    in_flight_ = recorded_.empty() ? new_step(now_s) : recorded_step();
    sent_ = false;
  }
  if (!in_flight_ || sent_) return;
  if (in_flight_->durable.valid()) {
    if (in_flight_->durable.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    try {
      in_flight_->durable.get();
    } catch (const UserError&) {
      if (!journal_.failed()) throw;
      in_flight_.reset();
      return;
    }
  }
  dispatch(*in_flight_);
  sent_ = true;
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

std::optional<StepDesk::Planned> StepDesk::new_step(double now_s) {
  take_backlog(now_s);
  std::optional<Batch> batch = batcher_.next(lines_, now_s);
  exclude_dropped();
  if (!batch) return std::nullopt;
  Planned planned;
  planned.record.step = step_ + 1;
  planned.record.version = next_version_++;
  planned.record.line = batch->line;
  for (std::size_t i = 0; i < batch->samples.size(); ++i)
    planned.record.samples.push_back({batch->samples[i].id, i >= batch->fresh});
  planned.samples = std::move(batch->samples);
  planned.record.shards = step_shards(planned.samples, static_cast<int>(trainers_.size()));
  planned.durable = journal_.plan_step(planned.record);
  return planned;
}

void StepDesk::dispatch(const Planned& planned) {
  StepBatch whole;
  whole.step = planned.record.step;
  whole.version = planned.record.version;
  whole.global_active_tokens = active_tokens(planned.samples);
  whole.global_samples = static_cast<std::int64_t>(planned.samples.size());
  whole.line = planned.record.line;
  if (!shared()) {
    if (!config_.policy.stacked() || whole.line != shared_line) whole.line_step = lines_.steps(whole.line) + 1;
    whole.held_version = take_held(whole.line);
  }
  for (std::size_t rank = 0; rank < trainers_.size(); ++rank) {
    messages::TakeStep take{whole};
    for (std::int32_t index : planned.record.shards[rank])
      take.batch.samples.push_back(planned.samples[static_cast<std::size_t>(index)]);
    mailbox_.send(trainers_[rank], Port::trainer, take);
  }
  dispatched_version_ = whole.version;
  dispatched_line_ = whole.line;
}

void StepDesk::take(const messages::StepDone& done) {
  expect(in_flight_ && in_flight_->record.step == done.metrics.step, "a trainer finished a step that is not in flight");
  step_ = done.metrics.step;
  version_ = in_flight_->record.version;
  line_ = in_flight_->record.line;
  const std::string& before = in_flight_->record.weights_hash;
  if (!foreign_ && !before.empty() && before != done.weights_hash)
    version_ = dispatched_version_ = next_version_++;  // other bits than that number stood for
  ++steps_this_run_;
  messages::StepDone full = done;
  full.metrics.version = version_;
  if (!done.error.empty()) journal_.save_event("step_refused", std::to_string(step_) + ": " + done.error);
  double sum = 0;
  for (const TrainingSample& sample : in_flight_->samples) {
    const auto age = static_cast<double>(shared() ? std::max<std::int64_t>(0, version_ - 1 - sample.version)
                                                  : lines_.age(line_, sample.version));
    sum += age;
    full.metrics.staleness_max = std::max(full.metrics.staleness_max, age);
  }
  full.metrics.staleness_mean = sum / static_cast<double>(std::max<std::size_t>(1, in_flight_->samples.size()));
  if (foreign_)
    journal_.save_event("replayed_step", std::to_string(step_) + " weights " + done.weights_hash);
  else
    journal_.finish_step(step_, full.metrics, done.weights_hash);
  last_fresh_.clear();
  for (const SampleUse& use : in_flight_->record.samples)
    if (!use.replayed) last_fresh_.push_back(use.id.turn);
  lines_.stepped(line_, version_);
  in_flight_.reset();
  done_(full);
  if (const std::string line = std::exchange(dropping_, {}); !line.empty()) drop_line(line);
}

}  // namespace clawrl
