#pragma once
// Reading a journal: by the run that writes it (class Journal is a reader too), or by `inspect` and replay beside it.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/training_sample.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "journal/feedback_record.hpp"
#include "journal/records.hpp"
#include "journal/user_records.hpp"

namespace clawrl {

/// Main turns of one API key, newest first.
struct TurnFilter {
  std::string key;
  std::optional<std::string> session = {}, user = {};
  double from_s = 0, to_s = 1e18;  // created: Unix seconds, to_s not included
  std::int64_t limit = 100;
};

/// Thread-safe: one read connection behind a mutex, so calls take turns. Each call sees one consistent state.
/// A damaged record is a UserError that names the file and the record. "Unknown" is nullopt or an absent entry.
class JournalReader {
 public:
  /// Opens an existing journal read-only; a live run may go on writing it. UserError: absent, foreign, other schema.
  explicit JournalReader(const std::string& path);
  virtual ~JournalReader();
  JournalReader(const JournalReader&) = delete;
  JournalReader& operator=(const JournalReader&) = delete;

  const std::string& path() const;
  std::optional<Turn> turn(TurnId id) const;
  /// Not yet scored, ascending: answered or judging, and expired ones without a verdict. Restart goes on with these.
  std::vector<Turn> open_turns() const;
  std::vector<TurnId> turns_of(const std::string& session) const;  // by index, then id
  /// How many main turns each session has (its highest index and one), of those with a turn after `since_s` (Unix
  /// seconds): at most `limit`, the one that was quiet longest first.
  std::vector<std::pair<std::string, std::int32_t>> session_lengths(double since_s, std::int64_t limit) const;
  std::vector<TurnId> turns_in(TurnState state) const;  // ascending

  std::vector<TurnId> turns_by_completion(const std::string& completion) const;  // ascending
  /// The turn `completion` and the other choices of its request, "<completion>/1" and so on; ascending.
  std::vector<TurnId> choices_of(const std::string& completion) const;
  std::vector<TurnId> newest_turns(const TurnFilter& filter) const;

  // -- explicit feedback
  std::vector<FeedbackRecord> feedback(const std::string& key, const std::string& id) const;
  std::vector<FeedbackRecord> feedback_on(TurnId turn) const;  // by revision
  std::vector<FeedbackRecord> open_feedback() const;           // neither judged nor withdrawn, in order of arrival
  std::vector<TurnId> unjudged_with_feedback() const;          // without a verdict of the PRM; ascending
  std::vector<TurnId> feedback_without_sample() const;  // judged, to be learned from, and no sample of it; ascending
  std::int32_t newest_revision(TurnId turn) const;      // of verdicts and feedback; 0 = none but the PRM's
  bool was_taken(TurnId turn) const;                    // by an optimiser step, in any revision

  std::optional<Verdict> verdict(SampleId id) const;
  std::optional<Verdict> newest_verdict(TurnId id) const;  // highest revision

  /// In the order of `ids`; an unknown id is a UserError.
  std::vector<TrainingSample> samples(std::span<const SampleId> ids) const;
  bool has_sample(SampleId id) const;  // saved, excluded or not
  /// In the order they were saved: not excluded and in no step's plan. At most `limit` (0 = all).
  std::vector<TrainingSample> unused_samples(std::int64_t limit = 0) const;
  /// Those of `ids` that are there, in their order: a sample may have been erased.
  std::vector<TrainingSample> samples_left(std::span<const SampleId> ids) const;
  /// The newest `count` samples that the line's steps up to `last_step` and above `after` took, oldest first: a replay
  /// window made again.
  /// Without those that were erased or excluded since and those of feedback that was withdrawn.
  std::vector<SampleId> used_samples(std::int64_t count, std::int64_t last_step, const std::string& line = "main",
                                     std::int64_t after = 0) const;

  std::vector<StepRecord> steps(std::int64_t from, std::int64_t to) const;  // both ends included, ascending
  std::vector<std::string> trained_lines() const;                           // policy lines that have steps
  std::int64_t last_planned_step() const;                                   // 0 = none
  /// Highest policy version number ever planned or recorded (any line); 0 = only the start weights.
  std::int64_t highest_version() const;
  std::vector<VersionRecord> versions() const;                     // ascending
  std::vector<AuditRecord> audits() const;                         // in the order they were saved
  std::vector<EventRecord> events(std::int64_t last = 100) const;  // the newest ones, oldest first

  // -- what belongs to a user
  std::vector<std::pair<std::int64_t, Learning>> session_learning() const;  // in the order they were said
  std::vector<TurnId> select_turns(const TurnSelection& wanted) const;      // ascending
  std::vector<std::pair<std::string, std::string>> users_of(const TurnSelection& wanted) const;  // key and `user`
  /// Of the `limit` oldest turns those made before `before_s` and used by no step above `last_kept_step`.
  std::vector<TurnId> turns_before(double before_s, std::int64_t last_kept_step, std::int64_t limit) const;
  std::vector<TrainedUse> trained_uses(std::span<const TurnId> ids) const;
  std::vector<Verdict> verdicts_on(TurnId id) const;
  std::vector<SampleNote> samples_on(TurnId id) const;

  std::optional<std::string> get(const std::string& key) const;
  std::map<std::string, std::string> metadata() const;
  std::int64_t watermark() const;
  JournalSummary summary() const;

  /// Writes a consistent copy as one file, complete or absent (temporary name, fsync, rename), e.g. for a shared disk.
  void snapshot(const std::string& target) const;

 protected:
  /// `settle` runs before every read: the writing process waits there for its own queued writes.
  JournalReader(const std::string& path, std::function<void()> settle);
  void close_reader();  // nothing may be read afterwards

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace clawrl
