#pragma once
// The trainers' way back, once a version and its candidate have failed their audits.
//
//   begin --steps end--> newest whole checkpoint that is not newer than the last good version --Restore--> the weights
//   go out as a new version --checkpoint of them is on disk--> steps go on

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_reader.hpp"
#include "comm/mailbox.hpp"
#include "roles/checkpoint_desk.hpp"
#include "roles/messages.hpp"
#include "roles/step_desk.hpp"

namespace clawrl {

/// Head thread only. Steps stand still meanwhile; serving and judging go on. A process that dies before the checkpoint
/// is on disk finds the trainers as they were.
class TrainerRollback {
 public:
  struct Seams {
    std::function<void(const std::string&)> log;  // one line for the operator
    /// The trainers hold what the checkpoint holds; it goes out under the number.
    std::function<void(const Checkpoint& checkpoint, std::int64_t version)> restored;
    std::function<void()> impossible;  // there is no such checkpoint: the trainers stay as they are
  };
  TrainerRollback(Mailbox& mailbox, StepDesk& steps, CheckpointDesk& checkpoints, std::string root,
                  std::vector<int> trainers, Seams seams)
      : mailbox_(mailbox),
        steps_(steps),
        checkpoints_(checkpoints),
        root_(std::move(root)),
        trainers_(std::move(trainers)),
        seams_(std::move(seams)) {}

  /// To a checkpoint of `good` or before. Nothing if one is under way.
  void begin(std::int64_t good);
  void take(const messages::Restored& message);
  /// Throws UserError when the trainers do not answer within 300 s.
  void tick(double now_s);
  bool busy() const { return stage_ != Stage::idle; }

 private:
  enum class Stage { idle, ending_steps, searching, restoring, saving };
  void end();

  Mailbox& mailbox_;
  StepDesk& steps_;
  CheckpointDesk& checkpoints_;
  const std::string root_;
  const std::vector<int> trainers_;
  Seams seams_;
  Stage stage_ = Stage::idle;
  std::int64_t good_ = 0;
  std::future<std::optional<LoadedCheckpoint>> searching_;
  std::optional<Checkpoint> found_;
  double asked_s_ = 0;
};

}  // namespace clawrl
