#include "journal/journal_reader.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

#include "journal/reader_implementation.hpp"
#include "journal/schema.hpp"

namespace clawrl {

using namespace journal;

JournalReader::JournalReader(const std::string& path) : JournalReader(path, {}) {}
JournalReader::JournalReader(const std::string& path, std::function<void()> settle)
    : implementation_(std::make_unique<Implementation>()) {
  implementation_->path = path;
  implementation_->settle = std::move(settle);
  implementation_->database = open_for_reading(path);
}
JournalReader::~JournalReader() = default;

void JournalReader::close_reader() {
  const std::lock_guard guard(implementation_->mutex);
  implementation_->database.reset();
}

const std::string& JournalReader::path() const {
  return implementation_->path;
}

namespace {

#define CLAWRL_TURN_COLUMNS "SELECT id, record, state, exclusion, next_state FROM turns "

Turn turn_of(Query& row, const std::string& path) {
  const std::string what = "journal " + path + ": turn " + row.text(0);
  Turn turn = decode<Turn>(row.blob(1), what);
  turn.state = static_cast<TurnState>(static_cast<int>(row.integer(2)));
  turn.exclusion = row.text(3);
  turn.next_state = decode<std::vector<Message>>(row.blob(4), what + " (next state)");
  return turn;
}

std::vector<TurnId> ids_of(Query rows) {
  std::vector<TurnId> ids;
  while (rows.next()) ids.push_back({rows.integer(0)});
  return ids;
}

StepRecord step_of(Query& row, const std::string& path) {
  const std::string what = "journal " + path + ": step " + row.text(0);
  auto record = decode<StepRecord>(row.blob(1), what);
  record.version = row.integer(2);
  record.planned_s = row.real(3);
  record.finished_s = row.real(4);
  record.times_finished = static_cast<int>(row.integer(5));
  record.weights_hash = row.text(6);
  record.line = row.text(8);
  if (record.finished()) record.metrics = decode<StepMetrics>(row.blob(7), what + " (metrics)");
  return record;
}

}  // namespace

std::optional<Turn> JournalReader::turn(TurnId id) const {
  return implementation_->read([&](auto& database) -> std::optional<Turn> {
    Query row(database, CLAWRL_TURN_COLUMNS "WHERE id = ?", id.value);
    if (!row.next()) return std::nullopt;
    return turn_of(row, path());
  });
}

std::vector<Turn> JournalReader::open_turns() const {
  return implementation_->read([&](auto& database) {
    Query rows(database,
               CLAWRL_TURN_COLUMNS
               "WHERE state IN (?, ?) OR (state = ? AND NOT EXISTS (SELECT 1 FROM verdicts WHERE turn = id)) "
               "ORDER BY id",
               static_cast<int>(TurnState::answered), static_cast<int>(TurnState::judging),
               static_cast<int>(TurnState::expired));
    std::vector<Turn> turns;
    while (rows.next()) turns.push_back(turn_of(rows, path()));
    return turns;
  });
}

std::vector<TurnId> JournalReader::turns_of(const std::string& session) const {
  return implementation_->read([&](auto& database) {
    return ids_of(Query(database, "SELECT id FROM turns WHERE session = ? ORDER BY idx, id", session));
  });
}

std::vector<std::pair<std::string, std::int32_t>> JournalReader::session_lengths(double since_s,
                                                                                 std::int64_t limit) const {
  return implementation_->read([&](auto& database) {
    Query rows(database,
               "SELECT session, max(idx) + 1, max(created) AS newest FROM turns WHERE type = ? GROUP BY session "
               "HAVING newest > ? ORDER BY newest DESC LIMIT ?",
               static_cast<int>(TurnType::main), since_s, limit);
    std::vector<std::pair<std::string, std::int32_t>> sessions;
    while (rows.next()) sessions.emplace_back(rows.text(0), static_cast<std::int32_t>(rows.integer(1)));
    std::reverse(sessions.begin(), sessions.end());
    return sessions;
  });
}

std::vector<TurnId> JournalReader::turns_in(TurnState state) const {
  return implementation_->read([&](auto& database) {
    return ids_of(Query(database, "SELECT id FROM turns WHERE state = ? ORDER BY id", static_cast<int>(state)));
  });
}

std::optional<Verdict> JournalReader::verdict(SampleId id) const {
  return implementation_->read([&](auto& database) -> std::optional<Verdict> {
    Query row(database, "SELECT record, hint_agreement FROM verdicts WHERE turn = ? AND revision = ?", id.turn.value,
              id.revision);
    if (!row.next()) return std::nullopt;
    return implementation_->verdict(row, id.turn);
  });
}

std::optional<Verdict> JournalReader::newest_verdict(TurnId id) const {
  return implementation_->read([&](auto& database) -> std::optional<Verdict> {
    Query row(database, "SELECT record, hint_agreement FROM verdicts WHERE turn = ? ORDER BY revision DESC LIMIT 1",
              id.value);
    if (!row.next()) return std::nullopt;
    return implementation_->verdict(row, id);
  });
}

std::vector<TrainingSample> JournalReader::samples(std::span<const SampleId> ids) const {
  std::vector<TrainingSample> found = samples_left(ids);
  for (std::size_t i = 0; i < ids.size(); ++i)
    require(i < found.size() && found[i].id == ids[i],
            implementation_->record("sample", label(ids[i])) + " is not there");
  return found;
}

std::vector<TrainingSample> JournalReader::samples_left(std::span<const SampleId> ids) const {
  return implementation_->read([&](auto& database) {
    Query row(database, "SELECT record, line FROM samples WHERE turn = ? AND revision = ?");
    std::vector<TrainingSample> samples;
    samples.reserve(ids.size());
    for (const SampleId id : ids) {
      row.reset();
      row.bind(1, id.turn.value);
      row.bind(2, id.revision);
      if (!row.next()) continue;
      samples.push_back(decode<TrainingSample>(row.blob(0), implementation_->record("sample", label(id))));
      samples.back().line = row.text(1);
    }
    return samples;
  });
}

bool JournalReader::has_sample(SampleId id) const {
  return implementation_->read([&](auto& database) {
    return number(database, "SELECT count(*) FROM samples WHERE turn = ? AND revision = ?", id.turn.value,
                  id.revision) > 0;
  });
}

std::vector<TrainingSample> JournalReader::unused_samples(std::int64_t limit) const {
  return implementation_->read([&](auto& database) {
    Query row(database,
              "SELECT turn, revision, record, line FROM samples s WHERE exclusion = '' AND NOT EXISTS "
              "(SELECT 1 FROM step_samples u WHERE u.turn = s.turn AND u.revision = s.revision AND "
              "u.replayed = 0) ORDER BY seq LIMIT ?",
              limit > 0 ? limit : std::int64_t{-1});
    std::vector<TrainingSample> samples;
    while (row.next()) {
      const SampleId id{{row.integer(0)}, static_cast<int>(row.integer(1))};
      samples.push_back(decode<TrainingSample>(row.blob(2), implementation_->record("sample", label(id))));
      samples.back().line = row.text(3);
    }
    return samples;
  });
}

std::vector<SampleId> JournalReader::used_samples(std::int64_t count, std::int64_t last_step, const std::string& line,
                                                  std::int64_t after) const {
  return implementation_->read([&](auto& database) {
    Query row(database,
              "SELECT turn, revision FROM step_samples u WHERE replayed = 0 AND step <= ? AND step > ? AND "
              "(SELECT line FROM steps t WHERE t.step = u.step) = ? AND NOT EXISTS "
              "(SELECT 1 FROM feedback f WHERE f.turn = u.turn AND f.revision = u.revision AND f.withdrawn > 0) "
              "AND EXISTS (SELECT 1 FROM samples s WHERE s.turn = u.turn AND s.revision = u.revision AND "
              "s.exclusion = '') "
              "ORDER BY step DESC, position DESC LIMIT ?",
              last_step, after, line, count);
    std::vector<SampleId> ids;
    while (row.next()) ids.push_back({{row.integer(0)}, static_cast<int>(row.integer(1))});
    std::reverse(ids.begin(), ids.end());
    return ids;
  });
}

std::vector<StepRecord> JournalReader::steps(std::int64_t from, std::int64_t to) const {
  return implementation_->read([&](auto& database) {
    Query row(database,
              "SELECT step, plan, version, planned, finished, times_finished, weights_hash, metrics, line "
              "FROM steps WHERE step BETWEEN ? AND ? ORDER BY step",
              from, to);
    std::vector<StepRecord> records;
    while (row.next()) records.push_back(step_of(row, path()));
    return records;
  });
}

std::vector<std::string> JournalReader::trained_lines() const {
  return implementation_->read([](auto& database) {
    Query row(database, "SELECT DISTINCT line FROM steps ORDER BY line");
    std::vector<std::string> lines;
    while (row.next()) lines.push_back(row.text(0));
    return lines;
  });
}

std::int64_t JournalReader::last_planned_step() const {
  return implementation_->read([](auto& database) { return number(database, "SELECT max(step) FROM steps"); });
}

std::int64_t JournalReader::highest_version() const {
  return implementation_->read([](auto& database) {
    return std::max(number(database, "SELECT max(number) FROM versions"),
                    number(database, "SELECT max(version) FROM steps"));
  });
}

std::int64_t JournalReader::watermark() const {
  return implementation_->read(
      [](auto& database) { return number(database, "SELECT value FROM counters WHERE name = 'watermark'"); });
}

std::vector<VersionRecord> JournalReader::versions() const {
  return implementation_->read([](auto& database) {
    Query row(database,
              "SELECT line, number, base_id, adapter_id, made, announced, retired, note FROM versions "
              "ORDER BY number, line");
    std::vector<VersionRecord> records;
    while (row.next())
      records.push_back({{row.text(0), row.integer(1), row.text(2), row.text(3)},
                         row.real(4),
                         row.real(5),
                         row.real(6),
                         row.text(7)});
    return records;
  });
}

std::vector<AuditRecord> JournalReader::audits() const {
  return implementation_->read([](auto& database) {
    std::vector<AuditRecord> records;
    Query row(
        database,
        "SELECT version, held_out_set, cases, passed, lost, gained, loss, result, source, at FROM audits ORDER BY seq");
    while (row.next())
      records.push_back({row.integer(0), row.text(1), row.integer(2), row.integer(3), row.integer(4), row.integer(5),
                         row.real(6), row.text(7), row.text(8), row.real(9)});
    return records;
  });
}

std::vector<EventRecord> JournalReader::events(std::int64_t last) const {
  return implementation_->read([&](auto& database) {
    Query row(database, "SELECT at, kind, text FROM events ORDER BY id DESC LIMIT ?", last);
    std::vector<EventRecord> records;
    while (row.next()) records.push_back({row.real(0), row.text(1), row.text(2)});
    std::reverse(records.begin(), records.end());
    return records;
  });
}

std::optional<std::string> JournalReader::get(const std::string& key) const {
  return implementation_->read([&](auto& database) -> std::optional<std::string> {
    Query row(database, "SELECT value FROM meta WHERE key = ?", key);
    if (!row.next()) return std::nullopt;
    return row.text(0);
  });
}

std::map<std::string, std::string> JournalReader::metadata() const {
  return implementation_->read([](auto& database) {
    Query row(database, "SELECT key, value FROM meta");
    std::map<std::string, std::string> pairs;
    while (row.next()) pairs[row.text(0)] = row.text(1);
    return pairs;
  });
}

}  // namespace clawrl
