#pragma once
// Checkpoints as the head drives them: shards from all trainers, then manifest and rename on a thread of its own.

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/run_state.hpp"
#include "comm/mailbox.hpp"
#include "config/run_config.hpp"
#include "roles/messages.hpp"

namespace clawrl {

/// Head thread only. One checkpoint is in flight at a time; one that is due meanwhile is begun at the first step end
/// after it.
class CheckpointDesk {
 public:
  /// `state`: the run's state now. `log`: one line. Errors of a checkpoint (disk full) are logged and the run goes on;
  /// failed() says so.
  CheckpointDesk(Mailbox& mailbox, const CheckpointConfig& config, std::string root, std::vector<int> trainers,
                 std::function<RunState()> state, std::function<void(const std::string&)> log)
      : mailbox_(mailbox),
        config_(config),
        root_(std::move(root)),
        trainers_(std::move(trainers)),
        state_(std::move(state)),
        log_(std::move(log)) {}

  /// A step ended; no TakeStep has been sent since.
  void step_done(std::int64_t step, double now_s);
  void begin();
  void take(const messages::ShardWritten& message);
  void tick();
  bool busy() const { return state_in_flight_.has_value(); }
  std::int64_t last_step() const { return last_step_; }  // of the newest complete one of this run; -1 = none
  const std::string& failed() const { return failed_; }
  /// A version whose checkpoint, or the newest one before it, is kept beside the newest ones; empty = none is.
  std::function<std::int64_t()> good_version;
  std::function<void()> also_save;  // runs before each commit, on its thread; may throw UserError

 private:
  static constexpr double shard_limit_s = 600;
  void give_up(const std::string& why);

  Mailbox& mailbox_;
  CheckpointConfig config_;
  std::string root_;
  std::vector<int> trainers_;
  std::function<RunState()> state_;
  std::function<void(const std::string&)> log_;
  std::optional<RunState> state_in_flight_;
  std::vector<ShardInfo> shards_;
  std::string error_, failed_;
  std::size_t answers_ = 0;
  bool due_ = false;
  std::future<std::string> committing_;  // text for the log
  double last_s_ = 0;
  std::int64_t last_step_ = -1;
};

}  // namespace clawrl
