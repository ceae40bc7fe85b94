#pragma once
// The durable record of a run: one SQLite file (WAL, synchronous = FULL) with one writer thread.
//
//   any thread --save_*()--> [queue, bounded in bytes] --> writer thread: one transaction for all that is queued,
//   commit (fsync), then the callbacks, in the order of the calls
//
// What is committed is always a prefix of the calls. One process may have a journal open for writing (lock file
// <path>.lock); it must lie on a local disk.

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "journal/journal_reader.hpp"

namespace clawrl {

class JournalWriter;

/// What a journal that has failed does with later calls: throw, or drop the write and hand its callback the error.
enum class AfterFailure { throws, drops };

/// Thread-safe. Writes return at once (they wait only while the queue is over its bound, with a limit); reads see
/// everything that was queued before them: they wait for its commit, so keep them off latency-critical threads.
/// Errors: UserError with the path. After a failed commit (disk full, I/O error) the journal is failed for good: every
/// waiting callback and future gets the error and every later write throws it, or is dropped (AfterFailure::drops),
/// while reads go on with what was committed and turn ids are handed out without being reserved.
class Journal : public JournalReader {
 public:
  /// Called on the writer thread (inside the call when the write is dropped): nullptr = committed. Must be short, must
  /// not throw, must not wait for the journal.
  using Durable = std::function<void(std::exception_ptr)>;

  /// Creates the file or opens it: lock, schema version, PRAGMA quick_check; turns left `generating` become aborted.
  explicit Journal(const std::string& path, AfterFailure after_failure = AfterFailure::throws);
  /// Commits what is queued, then closes.
  ~Journal() override;

  // -- turns. Columns of a turn's row (state, exclusion, next_state) win over what save_turn() was given.
  /// Reserves an id: increasing, never handed out twice even if nothing is saved under it and the process is killed.
  TurnId next_turn_id();
  void save_turn(const Turn& turn, Durable durable = {});  // insert, or replace by id (from next_turn_id())
  void save_next_state(TurnId id, const std::vector<Message>& next_state, Durable durable = {});
  /// Replaces whatever the state is. Where feedback may have moved the turn on, use the ones below.
  void set_turn_state(TurnId id, TurnState state, const std::string& exclusion = "", Durable durable = {});

  void advance_turn(TurnId id, TurnState to, const std::string& exclusion = "");  // from answered; else nothing
  void exclude_turn(TurnId id, const std::string& reason);  // -> excluded, unless trained, aborted or side
  void reopen_turn(TurnId id, TurnState to);                // scored, sampled -> `to`; else nothing

  // -- judging. The turn's state moves in the same transaction, where it is still open:
  /// answered, judging, expired -> scored, or excluded(judge_failed) when verdict.error is set. Same id = replaced.
  /// A revision above 0 without an error also takes sampled turns and ones excluded for their earlier verdict.
  void save_verdict(const Verdict& verdict, Durable durable = {});
  /// scored -> sampled. An exclusion (stale, no_signal ...) keeps the sample on record and out of unused_samples().
  /// Saving the same id again changes nothing: a sample that a step may have taken is never rewritten.
  void save_sample(const TrainingSample& sample, const std::string& exclusion = "", Durable durable = {});
  void exclude_sample(SampleId id, const std::string& reason);

  /// Samples of the turn that no step took: excluded.
  void exclude_unused_samples(TurnId turn, const std::string& reason);
  /// All of the turn's samples: one that a step took keeps its use and is not replayed any more.
  void exclude_samples(TurnId turn, const std::string& reason);

  // -- explicit feedback
  void save_feedback(const FeedbackRecord& record, Durable durable = {});  // a row that is there already stays
  void settle_feedback(SampleId id, const std::string& outcome);
  void withdraw_feedback(const std::string& key, const std::string& id, Durable durable = {});

  // -- steps: exactly once.
  /// Before the step; the future is ready once durable. InternalError in the future, and nothing written, when a fresh
  /// sample is in another plan, is unknown or excluded, a replayed one was in no earlier step, shards and samples do
  /// not match, or the step number does not grow. Planning a recorded step again is allowed with equal samples and
  /// shards (restart from an older checkpoint).
  std::future<void> plan_step(const StepRecord& record);
  /// After the step: its fresh samples' turns become trained. A second finish with another hash is audited as an event.
  void finish_step(std::int64_t step, const StepMetrics& metrics, const std::string& weights_hash,
                   Durable durable = {});

  // -- privacy
  /// What a session said for itself (LearningRules::hash of its name); Learning::learn removes the row.
  void save_session_learning(std::int64_t session, Learning learning);
  /// Deletes turns with their verdicts, samples and feedback, and adds to `*rows` what there was (read it once
  /// durable). What steps took stays on record by its ids. What still comes in for these turns is dropped, not refused.
  void erase_turns(std::vector<TurnId> ids, std::shared_ptr<ErasedRows> rows, Durable durable = {});
  /// Deleted text lies in old pages of the write-ahead log: this empties it. false = a reader is in the way, call
  /// again.
  void purge(std::function<void(bool)> purged);

  // -- audit and metadata.
  void save_version(const PolicyVersion& version, VersionEvent event, const std::string& note = "");
  void save_audit(const std::vector<AuditRecord>& sets);  // of one version, at one time
  void save_event(const std::string& kind, const std::string& text);
  void put(const std::string& key, const std::string& value);

  /// True once everything queued before the call is committed, false after `limit`. The callbacks of it may still be
  /// running then, as after any read. Not from a callback.
  bool sync(std::chrono::milliseconds limit);
  bool failed() const;
  std::string failure() const;  // why; empty = it has not

 private:
  explicit Journal(std::unique_ptr<JournalWriter> writer);
  struct TurnIds;
  std::unique_ptr<TurnIds> turn_ids_;                         // before the writer, whose last callbacks still use it
  std::shared_ptr<std::unordered_set<std::int64_t>> erased_;  // by this process; of the writer thread
  std::unique_ptr<JournalWriter> writer_;
};

}  // namespace clawrl
