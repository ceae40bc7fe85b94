#include "roles/step_desk.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "samples/step_shards.hpp"

namespace clawrl {
namespace {

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
  types_.remember(turn);
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
  const auto kinds = types_.slots_of(planned.samples, foreign_ ? *source_ : journal_);
  whole.kind_count = static_cast<std::int32_t>(types_.names().size());
  for (std::size_t rank = 0; rank < trainers_.size(); ++rank) {
    messages::TakeStep take{whole};
    for (std::int32_t index : planned.record.shards[rank]) {
      take.batch.samples.push_back(planned.samples[static_cast<std::size_t>(index)]);
      take.batch.kinds.push_back(kinds[static_cast<std::size_t>(index)]);
    }
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
