#pragma once
// What is kept of a user: shown, erased on request, and deleted when it is too old.
//
//   request -> look-up (own thread, reads the journal) -> desks forget (head) -> rows deleted (journal, durable)
//           -> log emptied -> copies made again (own thread) -> answer

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "frontend/chat_service.hpp"
#include "journal/journal.hpp"
#include "privacy/redactor.hpp"
#include "roles/event_loop.hpp"

namespace clawrl {

/// Head thread only; `loop` is the head's. One erasure is in hand at a time, the others wait in order.
class UserDataDesk {
 public:
  /// What the other desks do for it.
  struct Seams {
    /// Requests that are being answered and fit: nothing of them is to be stored.
    std::function<void(const std::function<bool(const Turn&)>&)> forget_requests;
    /// Open turns, cases of judges and samples that wait. What a step took already ends with it.
    std::function<void(const std::vector<TurnId>&)> forget_turns;
    /// All of this user's data goes, not some sessions of theirs alone.
    std::function<void(const std::string& key, const std::string& user)> forget_user = [](const auto&, const auto&) {};
    /// Steps up to this one are in a checkpoint, so that their samples are not needed again.
    std::function<std::int64_t()> kept_step;
    std::function<void()> copy_journal = [] {};  // on the desk's own thread; may throw UserError
  };

  /// `retention_days`: 0 = for ever. `redactor` may be nullptr.
  UserDataDesk(Journal& journal, EventLoop& loop, std::int32_t retention_days, std::shared_ptr<const Redactor> redactor,
               Seams seams);
  ~UserDataDesk();

  void export_user(const UserDataRequest& request, Answer<UserExport> answer);
  /// Answers once it is durable. What is not there any more is not an error.
  void erase(const UserDataRequest& request, Answer<ErasureReport> answer);
  /// now_s: monotonic clock.
  void tick(double now_s);
  bool busy() const { return in_hand_ != nullptr; }
  std::int64_t expired() const { return expired_; }  // turns deleted for their age by this process

 private:
  static constexpr std::size_t most_waiting = 256;  // answered with 429 above it
  static constexpr std::size_t batch = 200;         // turns deleted at once
  static constexpr double retention_every_s = 60, purge_every_s = 0.25;
  static constexpr int purge_attempts = 40;
  struct Erasure {
    TurnSelection selection;
    Answer<ErasureReport> answer;  // empty: for their age
    std::vector<TurnId> ids;
    std::vector<std::pair<std::string, std::string>> users;  // key and `user`, whose data goes as a whole
    std::vector<TrainedUse> uses;
    std::shared_ptr<ErasedRows> rows = std::make_shared<ErasedRows>();
    int attempts = 0;  // to empty the log
  };
  using Job = std::shared_ptr<Erasure>;

  TurnSelection selection_of(const UserDataRequest& request) const;
  std::vector<std::pair<std::string, std::string>> users_of(const TurnSelection& wanted) const;
  void begin(Job job);
  void look_up(Job job, double before_s, std::int64_t kept_step);
  void apply(const Job& job);
  void purge(const Job& job);
  void purged(const Job& job, bool done);
  void end(const Job& job, const std::string& error);
  void in_background(std::function<void()> work, const Job& job);

  Journal& journal_;
  EventLoop& loop_;
  std::int32_t retention_days_;
  std::shared_ptr<const Redactor> redactor_;
  Seams seams_;
  Job in_hand_;
  std::deque<Job> waiting_;
  double next_retention_s_ = 0, next_purge_s_ = 0;
  bool purge_due_ = false;
  bool overwritten_ = true;  // nothing that was deleted lies in the log any more
  std::int64_t expired_ = 0;
  EventLoop work_;       // of the own thread
  std::jthread worker_;  // last: it ends first
};

}  // namespace clawrl
