#include "journal/journal.hpp"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>

#include "core/error.hpp"
#include "journal/journal_writer.hpp"
#include "journal/query.hpp"
#include "journal/schema.hpp"
#include "journal/step_accounting.hpp"

namespace clawrl {

using namespace journal;

namespace {

constexpr std::int64_t id_block = 256;  // turn ids reserved per commit
constexpr std::chrono::seconds id_limit{30};
constexpr int answered = static_cast<int>(TurnState::answered), judging = static_cast<int>(TurnState::judging),
              scored = static_cast<int>(TurnState::scored), sampled = static_cast<int>(TurnState::sampled),
              expired = static_cast<int>(TurnState::expired), aborted = static_cast<int>(TurnState::aborted),
              excluded = static_cast<int>(TurnState::excluded), generating = static_cast<int>(TurnState::generating);

void add_event(SQLite::Database& database, const std::string& kind, const std::string& text) {
  execute(database, "INSERT INTO events(at, kind, text) VALUES(?, ?, ?)", unix_seconds(), kind, text);
}

void require_turn(int changed_rows, TurnId id) {
  expect(changed_rows == 1, "journal: turn " + std::to_string(id.value) + " was never saved");
}

/// What a crash left open that nobody can go on with. Returns the first turn id that was never reserved.
std::int64_t recover(SQLite::Database& database) {
  const int half = execute(database, "UPDATE turns SET state = ? WHERE state = ?", aborted, generating);
  if (half > 0) add_event(database, "recovered", std::to_string(half) + " half-generated turns aborted");
  return std::max(number(database, "SELECT value FROM counters WHERE name = 'turn_ids'"),
                  number(database, "SELECT max(id) + 1 FROM turns"));
}

/// Later feedback: what the turn was or was excluded for by an earlier verdict no longer counts. States that belong to
/// the turn itself stay.
void take_up_again(SQLite::Database& database, TurnId turn) {
  execute(database,
          "UPDATE turns SET state = ?, exclusion = '' WHERE id = ? AND (state IN (?, ?, ?, ?) OR (state = ? AND "
          "exclusion IN ('judge_failed', 'superseded', 'stale', 'withdrawn', 'no_teacher_logprobs', 'no_reference', "
          "'unsteady', 'untrusted')))",
          scored, turn.value, answered, judging, expired, sampled, excluded);
}

}  // namespace

/// Ids below `reserved` can be handed out: the file says so durably. The next block is reserved ahead of its need.
struct Journal::TurnIds {
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t next = 1, reserved = 1;
  bool asked = false;       // a reservation is under way
  bool unreserved = false;  // go on without reservations when they fail
  std::string error;
};

Journal::Journal(const std::string& path, AfterFailure after_failure)
    : Journal(std::make_unique<JournalWriter>(path, after_failure)) {
  turn_ids_->unreserved = after_failure == AfterFailure::drops;
}

Journal::Journal(std::unique_ptr<JournalWriter> writer)
    : JournalReader(writer->path(), [raw = writer.get()] { raw->settle(); }),
      turn_ids_(std::make_unique<TurnIds>()),
      erased_(std::make_shared<std::unordered_set<std::int64_t>>()),
      writer_(std::move(writer)) {
  writer_->submit([ids = turn_ids_.get()](auto& database) { ids->next = ids->reserved = recover(database); });
  writer_->settle();
  require(!writer_->failed(), writer_->failure());
}

Journal::~Journal() {
  try {
    const std::int64_t next = turn_ids_->next;  // a clean end gives the reserved rest back
    writer_->submit(
        [next](auto& database) { execute(database, "UPDATE counters SET value = ? WHERE name = 'turn_ids'", next); });
  } catch (const UserError&) {  // failed earlier, and everybody was told then
  }
  close_reader();
}

TurnId Journal::next_turn_id() {
  TurnIds& ids = *turn_ids_;
  std::unique_lock lock(ids.mutex);
  if (ids.reserved - ids.next < id_block / 2 && !ids.asked) {
    ids.asked = true;
    const std::int64_t bound = ids.reserved + id_block;
    lock.unlock();  // submit() may wait for the writer, whose callback takes this mutex
    writer_->submit(
        [bound](auto& database) { execute(database, "UPDATE counters SET value = ? WHERE name = 'turn_ids'", bound); },
        0,
        [&ids, bound](std::exception_ptr error) {
          const std::lock_guard guard(ids.mutex);
          ids.asked = false;
          if (!error) ids.reserved = bound;
          if (error && ids.unreserved) ids.reserved = std::numeric_limits<std::int64_t>::max();
          if (error && !ids.unreserved) ids.error = "journal: no turn id could be reserved, it has failed";
          ids.changed.notify_all();
        });
    lock.lock();
  }
  const auto settled = [&] { return ids.next < ids.reserved || !ids.error.empty(); };
  const bool there = ids.changed.wait_for(lock, id_limit, settled);
  require(ids.error.empty(), ids.error + " (" + path() + ")");
  require(there, "journal " + path() + ": reserving turn ids took longer than 30 s");
  return {ids.next++};
}

void Journal::save_turn(const Turn& turn, Durable durable) {
  auto blob = std::make_shared<const Blob>(encode(turn));
  auto next_state = std::make_shared<const Blob>(encode(turn.next_state));
  const auto& versions = turn.completion.versions;
  std::optional<std::int64_t> oldest;
  if (!versions.empty()) oldest = *std::min_element(versions.begin(), versions.end());
  const std::size_t bytes = blob->size() + next_state->size();
  writer_->submit(
      [blob, next_state, oldest, id = turn.id, session = turn.session, index = turn.index, type = turn.type,
       state = turn.state, exclusion = turn.exclusion, created = turn.created_s, completion = turn.completion_id,
       key = turn.key, user = turn.user, tokens = static_cast<std::int64_t>(turn.completion.ids.size()),
       gone = erased_](auto& database) {
        if (gone->contains(id.value)) return;
        execute(database,
                "INSERT OR REPLACE INTO turns(id, session, idx, type, state, exclusion, created, "
                "response_tokens, version, completion, key, user, record, next_state) "
                "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                id.value, session, index, static_cast<int>(type), static_cast<int>(state), exclusion, created, tokens,
                oldest, completion, key, user, *blob, *next_state);
      },
      bytes, std::move(durable));
}

void Journal::save_next_state(TurnId id, const std::vector<Message>& next_state, Durable durable) {
  auto blob = std::make_shared<const Blob>(encode(next_state));
  writer_->submit(
      [id, blob, gone = erased_](auto& database) {
        if (gone->contains(id.value)) return;
        require_turn(execute(database, "UPDATE turns SET next_state = ? WHERE id = ?", *blob, id.value), id);
      },
      blob->size(), std::move(durable));
}

void Journal::set_turn_state(TurnId id, TurnState state, const std::string& exclusion, Durable durable) {
  writer_->submit(
      [=, gone = erased_](auto& database) {
        if (gone->contains(id.value)) return;
        require_turn(execute(database, "UPDATE turns SET state = ?, exclusion = ? WHERE id = ?",
                             static_cast<int>(state), exclusion, id.value),
                     id);
      },
      0, std::move(durable));
}

void Journal::save_verdict(const Verdict& verdict, Durable durable) {
  auto blob = std::make_shared<const Blob>(encode(verdict));
  writer_->submit(
      [blob, id = SampleId{verdict.turn, verdict.revision}, score = static_cast<int>(verdict.score),
       origin = verdict.origin, error = verdict.error, agreement = std::optional<double>(verdict.hint_agreement),
       gone = erased_](auto& database) {
        if (gone->contains(id.turn.value)) return;
        execute(
            database,
            "INSERT OR REPLACE INTO verdicts(turn, revision, score, origin, error, created, record, hint_agreement) "
            "VALUES(?,?,?,?,?,?,?,?)",
            id.turn.value, id.revision, score, origin, error, unix_seconds(), *blob, agreement);
        const bool failed = !error.empty();
        if (id.revision > 0) return failed ? void() : take_up_again(database, id.turn);
        execute(database, "UPDATE turns SET state = ?, exclusion = ? WHERE id = ? AND state IN (?, ?, ?)",
                failed ? excluded : scored, std::string(failed ? "judge_failed" : ""), id.turn.value, answered, judging,
                expired);
      },
      blob->size(), std::move(durable));
}

void Journal::save_sample(const TrainingSample& sample, const std::string& exclusion, Durable durable) {
  auto blob = std::make_shared<const Blob>(encode(sample));
  writer_->submit(
      [blob, exclusion, id = sample.id, origin = sample.origin, version = sample.version, line = sample.line,
       tokens = static_cast<std::int64_t>(sample.ids.size()), gone = erased_](auto& database) {
        if (gone->contains(id.turn.value)) return;
        const int rows =
            execute(database,
                    "INSERT OR IGNORE INTO samples(turn, revision, origin, version, tokens, exclusion, "
                    "created, record, line) VALUES(?,?,?,?,?,?,?,?,?)",
                    id.turn.value, id.revision, origin, version, tokens, exclusion, unix_seconds(), *blob, line);
        if (rows == 0) add_event(database, "sample_kept", "sample " + label(id) + " was saved again: not changed");
        if (exclusion.empty())
          execute(database, "UPDATE turns SET state = ? WHERE id = ? AND state = ?", sampled, id.turn.value, scored);
      },
      blob->size(), std::move(durable));
}

void Journal::exclude_sample(SampleId id, const std::string& reason) {
  writer_->submit([=, gone = erased_](auto& database) {
    if (gone->contains(id.turn.value)) return;
    const int rows = execute(database, "UPDATE samples SET exclusion = ? WHERE turn = ? AND revision = ?", reason,
                             id.turn.value, id.revision);
    expect(rows == 1, "journal: sample " + label(id) + " was never saved");
  });
}

std::future<void> Journal::plan_step(const StepRecord& record) {
  auto promise = std::make_shared<std::promise<void>>();
  auto future = promise->get_future();
  writer_->submit([record](auto& database) { journal::plan_step(database, record); }, 0,
                  [promise](std::exception_ptr error) {
                    if (error) promise->set_exception(error);
                    if (!error) promise->set_value();
                  });
  return future;
}

void Journal::finish_step(std::int64_t step, const StepMetrics& metrics, const std::string& weights_hash,
                          Durable durable) {
  writer_->submit(
      [=](auto& database) {
        const std::string earlier = journal::finish_step(database, step, metrics, weights_hash);
        if (!earlier.empty() && earlier != weights_hash)
          add_event(database, "step_differs",
                    "step " + std::to_string(step) + " run again: " + earlier + " became " + weights_hash);
      },
      0, std::move(durable));
}

void Journal::save_version(const PolicyVersion& version, VersionEvent event, const std::string& note) {
  writer_->submit([=](auto& database) {
    static const char* const stamp[] = {"UPDATE versions SET made = ? WHERE line = ? AND number = ?",
                                        "UPDATE versions SET announced = ? WHERE line = ? AND number = ?",
                                        "UPDATE versions SET retired = ? WHERE line = ? AND number = ?"};
    execute(database,
            "INSERT INTO versions(line, number, base_id, adapter_id, note) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO "
            "UPDATE SET base_id = ?3, adapter_id = ?4, note = CASE ?5 WHEN '' THEN note ELSE ?5 END",
            version.line, version.number, version.base_id, version.adapter_id, note);
    execute(database, stamp[static_cast<int>(event)], unix_seconds(), version.line, version.number);
  });
}

void Journal::save_audit(const std::vector<AuditRecord>& sets) {
  writer_->submit([sets](auto& database) {
    const double now = unix_seconds();
    for (const AuditRecord& one : sets)
      execute(database,
              "INSERT INTO audits(version, held_out_set, cases, passed, lost, gained, loss, result, source, at) "
              "VALUES(?,?,?,?,?,?,?,?,?,?)",
              one.version, one.set, one.cases, one.passed, one.lost, one.gained, one.loss, one.result, one.source, now);
  });
}

void Journal::save_event(const std::string& kind, const std::string& text) {
  writer_->submit([=](auto& database) { add_event(database, kind, text); }, kind.size() + text.size());
}

void Journal::put(const std::string& key, const std::string& value) {
  writer_->submit(
      [=](auto& database) { execute(database, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", key, value); },
      key.size() + value.size());
}

bool Journal::failed() const {
  return writer_->failed();
}

std::string Journal::failure() const {
  return writer_->failure();
}

bool Journal::sync(std::chrono::milliseconds limit) {
  return writer_->sync(limit);
}

}  // namespace clawrl
