#pragma once
// The trainers' way back, once a version and its candidate have failed their audits.
//
//   begin --steps end--> newest whole checkpoint that is not newer than the last good version --Restore--> the weights
//   go out as a new version --their checkpoint is on disk, those of the steps given up are gone--> steps go on

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_reader.hpp"
#include "comm/mailbox.hpp"
#include "journal/journal.hpp"
#include "roles/checkpoint_desk.hpp"
#include "roles/messages.hpp"
#include "roles/step_desk.hpp"

namespace clawrl {

/// Head thread only. Steps stand still meanwhile; serving and judging go on. A checkpoint that cannot be written is
/// tried again: a process that dies before it is on disk finds the trainers as they were.
class TrainerRollback {
 public:
  struct Seams {
    std::function<void(const std::string&)> log;  // one line for the operator
    /// The trainers hold what the checkpoint holds; it goes out under the number.
    std::function<void(const Checkpoint& checkpoint, std::int64_t version)> restored;
    std::function<void()> ended;  // steps go on, from there or, where there is no such checkpoint, as if nothing was
  };
  TrainerRollback(Mailbox& mailbox, const Journal& journal, StepDesk& steps, CheckpointDesk& checkpoints,
                  std::string root, std::vector<int> trainers, Seams seams)
      : mailbox_(mailbox),
        journal_(journal),
        steps_(steps),
        checkpoints_(checkpoints),
        root_(std::move(root)),
        trainers_(std::move(trainers)),
        seams_(std::move(seams)) {}

  /// To a checkpoint of `good` or before. None is under way.
  void begin(std::int64_t good);
  void take(const messages::Restored& message);
  /// Throws UserError when the trainers do not answer within 300 s.
  void tick(double now_s);
  /// One that the trainers do not know of yet is over; one that they do ends, whether it can be saved or not.
  void stop();
  bool busy() const { return stage_ != Stage::idle; }

 private:
  enum class Stage { idle, ending_steps, searching, restoring, saving, removing };
  void end();
  void search();
  void restore(const CheckpointSearch& search, double now_s);
  void saved(double now_s);
  void removed();

  Mailbox& mailbox_;
  const Journal& journal_;
  StepDesk& steps_;
  CheckpointDesk& checkpoints_;
  const std::string root_;
  const std::vector<int> trainers_;
  Seams seams_;
  Stage stage_ = Stage::idle;
  std::int64_t good_ = 0;
  std::future<CheckpointSearch> searching_;
  std::optional<Checkpoint> found_;
  std::future<std::string> removing_;  // why not; empty = they are gone
  double since_s_ = 0;                 // of restoring; of the newest try to save
  bool stopping_ = false;
};

}  // namespace clawrl
