#pragma once
// What the journal keeps besides turns, verdicts and samples.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/step_metrics.hpp"

namespace clawrl {

/// One use of a sample by an optimiser step. A sample has at most one use that is not replayed, ever.
struct SampleUse {
  SampleId id;
  bool replayed = false;  // taken again on purpose, from the replay window
  auto operator<=>(const SampleUse&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, replayed);
  }
};

/// Example: step 3 makes version 3 from samples {12.0, 14.0, 9.0 replayed}; shards {{0, 2}, {1}} = trainer rank 0
/// computes 12.0 then 9.0, rank 1 computes 14.0. A restart composes the step again from exactly this.
struct StepRecord {
  std::int64_t step = 0;      // 1-based
  std::int64_t version = 0;   // policy version number that the step makes
  std::string line = "main";  // policy line that it trains; a column, not part of the sealed record
  std::vector<SampleUse> samples;
  std::vector<std::vector<std::int32_t>> shards;  // [trainer ranks] indices into `samples`, each used once
  // Filled by the journal:
  std::int32_t times_finished = 0;  // 0 = planned only; above 1 = run again after a restart from an older checkpoint
  std::string weights_hash;         // of the newest finish
  StepMetrics metrics;              // of the newest finish
  double planned_s = 0;             // Unix seconds
  double finished_s = 0;            // 0 = planned only
  bool finished() const { return times_finished > 0; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(step, version, samples, shards, times_finished, weights_hash, metrics, planned_s, finished_s);
  }
};

enum class VersionEvent : std::uint8_t { made, announced, retired };

struct VersionRecord {
  PolicyVersion version;
  double made_s = 0, announced_s = 0, retired_s = 0;  // Unix seconds; 0 = not (yet)
  std::string note;                                   // the newest non-empty one
};

/// One held-out set in one audit of a version. Cases were paired with the reference's: `lost` are those that only the
/// reference passed, `gained` those that only the version did. Texts pass unless their loss rose too far.
struct AuditRecord {
  std::int64_t version = 0;
  std::string set;
  std::int64_t cases = 0, passed = 0, lost = 0, gained = 0;
  double loss = 0;     // mean over a set of texts, nats per token
  std::string result;  // reference, passed, failed; watched = it cannot fail
  std::string source;  // who audited: online_rl, evaluate
  double at_s = 0;     // Unix seconds; filled by the journal
  double score() const { return cases > 0 ? static_cast<double>(passed) / static_cast<double>(cases) : 0; }
};

struct EventRecord {
  double at_s = 0;  // Unix seconds
  std::string kind;
  std::string text;
};

struct JournalSummary {
  std::string path;
  std::int64_t bytes = 0;  // file and write-ahead log
  std::int64_t watermark = 0;
  std::int64_t sessions = 0;
  std::map<std::string, std::int64_t> turns;       // state name -> count
  std::map<std::string, std::int64_t> exclusions;  // reason -> turns
  std::map<int, std::int64_t> verdicts;            // score -> count, failed judgements left out
  std::int64_t verdicts_failed = 0;
  std::int64_t samples = 0, samples_unused = 0, samples_excluded = 0;
  std::int64_t steps_planned = 0, steps_finished = 0;  // planned counts the finished ones too
  std::int64_t last_step = 0;                          // newest finished one; 0 = none
  std::int64_t highest_version = 0;
  std::int64_t events = 0;
  double first_turn_s = 0, last_turn_s = 0;  // Unix seconds
};

/// Lines for a terminal.
std::string to_text(const JournalSummary& summary);

}  // namespace clawrl
