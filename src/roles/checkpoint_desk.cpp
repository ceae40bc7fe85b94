#include "roles/checkpoint_desk.hpp"

#include <chrono>

#include "checkpoint/checkpoint_writer.hpp"
#include "core/error.hpp"
#include "roles/clock.hpp"

namespace clawrl {

void CheckpointDesk::step_done(std::int64_t step, double now_s) {
  if (last_s_ == 0) last_s_ = now_s;
  const bool by_step = config_.every_steps > 0 && step % config_.every_steps == 0;
  const bool by_time = config_.every_minutes > 0 && now_s - last_s_ >= 60 * config_.every_minutes;
  due_ = due_ || by_step || by_time;
  if (due_ && !busy()) begin();
}

void CheckpointDesk::begin() {
  due_ = false;
  state_in_flight_ = state_();
  shards_.clear();
  answers_ = 0;
  error_.clear();
  last_s_ = monotonic_s();
  for (int rank : trainers_)
    mailbox_.send(rank, Port::trainer, messages::WriteCheckpoint{root_, state_in_flight_->step});
}

void CheckpointDesk::take(const messages::ShardWritten& message) {
  if (!busy() || message.step != state_in_flight_->step) return;
  ++answers_;
  if (!message.error.empty())
    error_ = message.error;
  else
    shards_.push_back(message.shard);
  if (answers_ < trainers_.size()) return;
  if (!error_.empty()) return give_up(error_);
  const auto good = good_version ? std::optional(good_version()) : std::nullopt;
  committing_ = std::async(std::launch::async, [this, good, state = *state_in_flight_, shards = shards_] {
    if (also_save) also_save();
    const std::string path = commit_checkpoint(root_, state, shards);
    prune(root_, config_.keep_last, config_.keep_every, good);
    return "checkpoint " + path;
  });
}

void CheckpointDesk::tick() {
  if (busy() && !committing_.valid() && monotonic_s() - last_s_ > shard_limit_s)
    return give_up(std::to_string(trainers_.size() - answers_) + " trainers did not write their shard in time");
  if (!committing_.valid() || committing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  try {
    const std::string done = committing_.get();
    last_step_ = state_in_flight_->step;
    state_in_flight_.reset();
    failed_.clear();
    log_(done);
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void CheckpointDesk::give_up(const std::string& why) {
  abandon_checkpoint(root_, state_in_flight_->step);
  failed_ = "checkpoint of step " + std::to_string(state_in_flight_->step) + " failed: " + why;
  state_in_flight_.reset();
  log_(failed_);
}

}  // namespace clawrl
