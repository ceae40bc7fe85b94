#include "roles/trainer_rollback.hpp"

#include <chrono>
#include <exception>

#include "checkpoint/checkpoint_writer.hpp"
#include "core/error.hpp"
#include "roles/clock.hpp"

namespace clawrl {
namespace {

constexpr double restore_limit_s = 300, try_again_s = 10;

}  // namespace

void TrainerRollback::begin(std::int64_t good) {
  expect(!busy(), "the trainers are on their way back already");
  good_ = good;
  stage_ = Stage::ending_steps;
}

void TrainerRollback::end() {
  stage_ = Stage::idle;
  steps_.pause(false);
  seams_.ended();
}

void TrainerRollback::stop() {
  stopping_ = true;
  if (stage_ == Stage::ending_steps || stage_ == Stage::searching) end();
}

void TrainerRollback::take(const messages::Restored& message) {
  if (stage_ != Stage::restoring) return;
  const std::int64_t version = steps_.went_back();
  seams_.log("the trainers went back to " + found_->path + ": version " + std::to_string(version) + ", weights " +
             message.weights_hash);
  seams_.restored(*found_, version);
  checkpoints_.begin();
  since_s_ = monotonic_s();
  stage_ = Stage::saving;
}

void TrainerRollback::tick(double now_s) {
  switch (stage_) {
    case Stage::idle:
      return;
    case Stage::ending_steps:
      return search();
    case Stage::searching:
      if (searching_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
      return restore(searching_.get(), now_s);
    case Stage::restoring:
      return require(now_s - since_s_ < restore_limit_s, "the trainers did not go back to " + found_->path +
                                                             " within " +
                                                             std::to_string(static_cast<int>(restore_limit_s)) + " s");
    case Stage::saving:
      return saved(now_s);
    case Stage::removing:
      return removed();
  }
}

void TrainerRollback::search() {
  if (steps_.recorded_steps_left() || journal_.failed()) return;  // of a restart: the trainers are not where they were
  steps_.pause(true);
  if (steps_.busy() || checkpoints_.busy()) return;
  searching_ = std::async(std::launch::async, [root = root_, good = good_] { return find_newest_until(root, good); });
  stage_ = Stage::searching;
}

void TrainerRollback::restore(const CheckpointSearch& search, double now_s) {
  for (const std::string& warning : search.warnings) seams_.log("warning: " + warning);
  if (!search.found) {
    seams_.log("warning: the trainers cannot go back: " + root_ + " holds no whole checkpoint of version " +
               std::to_string(good_) + " or before");
    return end();
  }
  found_ = search.found;
  for (int rank : trainers_) mailbox_.send(rank, Port::trainer, messages::Restore{found_->path});
  since_s_ = now_s;
  stage_ = Stage::restoring;
}

void TrainerRollback::saved(double now_s) {
  if (checkpoints_.busy()) return;
  if (!checkpoints_.failed().empty()) {
    if (stopping_) return end();
    if (now_s - since_s_ < try_again_s) return;
    since_s_ = now_s;
    return checkpoints_.begin();
  }
  // Their versions are lower than the new one: once that has passed they would count as good.
  removing_ = std::async(std::launch::async, [root = root_, after = found_->state.step, before = steps_.step()] {
    try {
      remove_between(root, after, before);
      return std::string();
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
  });
  stage_ = Stage::removing;
}

void TrainerRollback::removed() {
  if (removing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  if (const std::string problem = removing_.get(); !problem.empty()) seams_.log("warning: " + problem);
  end();
}

}  // namespace clawrl
