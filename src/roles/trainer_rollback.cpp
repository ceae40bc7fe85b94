#include "roles/trainer_rollback.hpp"

#include <chrono>

#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr double restore_limit_s = 300;

}  // namespace

void TrainerRollback::begin(std::int64_t good) {
  if (busy()) return;
  good_ = good;
  stage_ = Stage::ending_steps;
}

void TrainerRollback::end() {
  stage_ = Stage::idle;
  steps_.pause(false);
}

void TrainerRollback::take(const messages::Restored& message) {
  if (stage_ != Stage::restoring) return;
  const std::int64_t version = steps_.went_back();
  seams_.log("the trainers went back to " + found_->path + ": version " + std::to_string(version) + ", weights " +
             message.weights_hash);
  seams_.restored(*found_, version);
  checkpoints_.begin();
  stage_ = Stage::saving;
}

void TrainerRollback::tick(double now_s) {
  if (stage_ == Stage::ending_steps) {
    if (steps_.recorded_steps_left()) return;  // of a restart: the trainers are not yet where they were
    steps_.pause(true);
    if (steps_.busy() || checkpoints_.busy()) return;
    searching_ = std::async(std::launch::async, [root = root_, good = good_] { return load_newest_until(root, good); });
    stage_ = Stage::searching;
  } else if (stage_ == Stage::searching) {
    if (searching_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    const auto found = searching_.get();
    if (!found) {
      seams_.log("warning: the trainers cannot go back: " + root_ + " holds no whole checkpoint of version " +
                 std::to_string(good_) + " or before");
      end();
      return seams_.impossible();
    }
    for (const std::string& warning : found->warnings) seams_.log("warning: " + warning);
    found_ = found->checkpoint;
    for (int rank : trainers_) mailbox_.send(rank, Port::trainer, messages::Restore{found_->path});
    asked_s_ = now_s;
    stage_ = Stage::restoring;
  } else if (stage_ == Stage::restoring) {
    require(now_s - asked_s_ < restore_limit_s, "the trainers did not go back to " + found_->path + " within " +
                                                    std::to_string(static_cast<int>(restore_limit_s)) + " s");
  } else if (stage_ == Stage::saving && !checkpoints_.busy()) {
    end();
  }
}

}  // namespace clawrl
