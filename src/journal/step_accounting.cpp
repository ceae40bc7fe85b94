#include "journal/step_accounting.hpp"

#include <set>

#include "core/error.hpp"
#include "core/turn.hpp"
#include "journal/query.hpp"
#include "journal/schema.hpp"

namespace clawrl::journal {
namespace {

std::string prefix(std::int64_t step) {
  return "journal: plan of step " + std::to_string(step) + ": ";
}

void check_shards(const StepRecord& record) {
  std::vector<int> uses(record.samples.size(), 0);
  for (const auto& shard : record.shards)
    for (const auto index : shard) {
      const bool known = index >= 0 && static_cast<std::size_t>(index) < uses.size();
      expect(known, prefix(record.step) + "shard names sample index " + std::to_string(index) + " of " +
                        std::to_string(uses.size()));
      ++uses[static_cast<std::size_t>(index)];
    }
  for (std::size_t i = 0; i < uses.size(); ++i)
    expect(uses[i] == 1, prefix(record.step) + "sample " + label(record.samples[i].id) + " is in " +
                             std::to_string(uses[i]) + " shard places instead of one");
}

void check_sample(SQLite::Database& database, std::int64_t step, const SampleUse& use) {
  const std::string what = prefix(step) + "sample " + label(use.id);
  Query row(database, "SELECT exclusion FROM samples WHERE turn = ? AND revision = ?", use.id.turn.value,
            use.id.revision);
  expect(row.next(), what + " was never saved");
  const std::string exclusion = row.text(0);
  const std::int64_t taken =
      number(database, "SELECT step FROM step_samples WHERE turn = ? AND revision = ? AND replayed = 0",
             use.id.turn.value, use.id.revision);
  if (use.replayed) {
    expect(taken > 0 && taken < step, what + " is replayed but was in no earlier step");
  } else {
    expect(exclusion.empty(), what + " is excluded (" + exclusion + ")");
    expect(taken == 0, what + " was taken by step " + std::to_string(taken) + " already");
  }
}

void check(SQLite::Database& database, const StepRecord& record) {
  const std::int64_t newest = number(database, "SELECT max(step) FROM steps");
  expect(record.step > newest && record.step > 0,
         prefix(record.step) + "step " + std::to_string(newest) + " is planned already; step numbers grow");
  check_shards(record);
  std::set<SampleId> seen;
  for (const auto& use : record.samples) {
    expect(seen.insert(use.id).second, prefix(record.step) + "sample " + label(use.id) + " appears twice");
    check_sample(database, record.step, use);
  }
}

/// True when the step is on record already and `record` is the same batch, whose version may be a new one.
bool planned_again(SQLite::Database& database, const StepRecord& record) {
  Query row(database, "SELECT plan FROM steps WHERE step = ?", record.step);
  if (!row.next()) return false;
  const auto earlier = decode<StepRecord>(row.blob(0), prefix(record.step) + "its record");
  expect(earlier.samples == record.samples && earlier.shards == record.shards,
         prefix(record.step) + "it was planned before with another batch");
  execute(database, "UPDATE steps SET version = ? WHERE step = ?", record.version, record.step);
  return true;
}

}  // namespace

void plan_step(SQLite::Database& database, const StepRecord& record) {
  if (planned_again(database, record)) return;
  check(database, record);
  execute(database, "INSERT INTO steps(step, version, planned, plan, line) VALUES(?, ?, ?, ?, ?)", record.step,
          record.version, unix_seconds(), encode(record), record.line);
  for (std::size_t i = 0; i < record.samples.size(); ++i)
    execute(database, "INSERT INTO step_samples(step, position, turn, revision, replayed) VALUES(?, ?, ?, ?, ?)",
            record.step, static_cast<std::int64_t>(i), record.samples[i].id.turn.value, record.samples[i].id.revision,
            record.samples[i].replayed ? 1 : 0);
}

std::string finish_step(SQLite::Database& database, std::int64_t step, const StepMetrics& metrics,
                        const std::string& weights_hash) {
  Query known(database, "SELECT weights_hash FROM steps WHERE step = ?", step);
  expect(known.next(), "journal: step " + std::to_string(step) + " is finished but was never planned");
  std::string earlier = known.text(0);
  known.reset();
  execute(database,
          "UPDATE steps SET finished = ?, times_finished = times_finished + 1, weights_hash = ?, metrics = ?, "
          "version = coalesce(nullif(?, 0), version) WHERE step = ?",
          unix_seconds(), weights_hash, encode(metrics), metrics.version, step);
  execute(database,
          "UPDATE turns SET state = ?, exclusion = '' WHERE state NOT IN (?, ?) AND id IN "
          "(SELECT turn FROM step_samples WHERE step = ? AND replayed = 0)",
          static_cast<int>(TurnState::trained), static_cast<int>(TurnState::aborted), static_cast<int>(TurnState::side),
          step);
  return earlier;
}

}  // namespace clawrl::journal
