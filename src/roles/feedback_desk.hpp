#pragma once
// Explicit feedback: from the request to a durable record, a verdict that outranks the PRM's, and a sample.
//
//   request -> look-up (own thread, reads the journal) -> record (journal, then the answer) -> judge -> judged() ->
//   sample of a new revision
//
// Feedback on a turn that is still being generated waits for its end. What is not judged when the process ends is on
// record and goes on after a restart.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "config/run_config.hpp"
#include "frontend/chat_service.hpp"
#include "journal/journal.hpp"
#include "roles/event_loop.hpp"
#include "roles/feedback_lookup.hpp"

namespace clawrl {

/// Head thread only; `loop` is the head's. One request is in hand at a time, the others wait in order.
class FeedbackDesk {
 public:
  /// What the other desks do for it.
  struct Seams {
    /// The request that is being answered under this completion id, or as this turn of a session.
    std::function<const Turn*(const FeedbackRequest&)> generating;
    std::function<bool(TurnId)> still_generating;
    std::function<void(Turn, std::int32_t revision, GivenVerdict)> judge;  // ends in judged()
    std::function<std::size_t()> judging;                                  // turns that wait for a verdict
    std::function<std::string(const Turn&)> refusal;                       // why it cannot be learned from, or ""
    std::function<std::string(const Turn&, const Verdict&)> learn;         // makes the sample; why not, or ""
    std::function<void(TurnId, const std::string& reason)> drop;           // samples that no step took
    std::function<bool(TurnId)> taking;                                    // by the step in flight
    std::function<std::optional<TurnState>(TurnId)> awaits_prm;            // its state while that is so
    std::function<std::string(std::string)> redact = [](std::string text) { return text; };  // from any thread
  };

  /// learning false: feedback is recorded for a later run.
  FeedbackDesk(Journal& journal, EventLoop& loop, FeedbackConfig config, bool learning, Seams seams);
  ~FeedbackDesk();

  void start(FeedbackRequest request, Answer<FeedbackReceipt> answer);
  /// A main turn was answered in full.
  void answered(const Turn& turn);
  /// The next state of a turn that was judged without one, when its session had ended: counts like feedback in a
  /// message.
  void said_late(const Turn& turn);
  /// The revision under which the PRM's verdict is to be learned from: 0, or a higher one when feedback came and was
  /// withdrawn; nothing while feedback stands.
  std::optional<std::int32_t> prm_revision(const Verdict& verdict);
  void no_prm_verdict(TurnId turn);  // none will come
  /// A verdict of a revision above 0.
  void judged(const Turn& turn, Verdict verdict);
  void forget(TurnId turn);                           // it is being erased
  void taken(TurnId turn) { touched_.insert(turn); }  // a step is through with it
  /// After a restart, before the first request.
  void restore();
  void tick();
  std::size_t waiting() const { return jobs_.size() + (in_hand_ ? 1 : 0); }

 private:
  static constexpr std::size_t most_waiting = 1024, most_judging = 4096, most_resumed = 256;
  enum class Kind { request, message, fall_back, resume };
  struct Job {
    Kind kind = Kind::request;
    FeedbackRequest request;
    Answer<FeedbackReceipt> answer;
    SampleId of = {};         // fall_back, resume
    std::string reason = {};  // fall_back
    CreditMessage message = {};
  };
  /// Turns whose verdicts are not all there yet.
  struct Open {
    std::set<std::int32_t> standing;  // revisions of feedback
    std::int32_t newest = 0;
    bool prm_may_come = false;
    bool trained = false;  // by feedback that was withdrawn: the opposite is not trained
  };

  void next_job();
  void credit_message(const Turn& turn);
  void work(Job& job, const std::optional<Turn>& live, FeedbackLookup& found) const;  // on the look-up thread
  void apply(Job job, FeedbackLookup found);
  void record(Job& job, const FeedbackLookup& found);
  void withdraw(Job& job, const FeedbackLookup& found);
  void place(FeedbackRecord record, const FeedbackTarget& target, Journal::Durable durable);
  void judge(const Turn& turn, const FeedbackRecord& record);
  void fall_back(const FeedbackTarget& target, const std::string& reason);
  void resume(const FeedbackTarget& target, SampleId id, const FeedbackLookup& found);
  void close_if_done(TurnId turn);
  bool changed_meanwhile(const FeedbackLookup& found) const;

  Journal& journal_;
  EventLoop& loop_;
  FeedbackConfig config_;
  bool learning_;
  Seams seams_;
  std::deque<Job> jobs_;
  bool in_hand_ = false;
  std::deque<SampleId> to_resume_;
  std::map<SampleId, FeedbackRecord> pending_;      // recorded, not judged
  std::map<TurnId, std::set<std::int32_t>> early_;  // their turn is being generated
  std::map<TurnId, Open> open_;
  std::set<TurnId> touched_;  // judged by the PRM or taken by a step since the look-up in hand began
  EventLoop work_;            // of the look-up thread
  std::jthread worker_;       // last: it ends first
};

}  // namespace clawrl
