#pragma once
// Which samples an optimiser step takes.
//
//   add() in journal order --> waiting --first `batch` of a line--> step + `replay` of its window --> its used ones
//
// A step is of one policy line: the first whose samples are `batch`, in order of arrival. With the replayed ones they
// are samples.smallest_step at least: a line without so many waits for more, and takes more than `batch` then.
//
// Composition depends on the order of add() and on the counts alone, so the same journal gives the same batches; only
// partial batches look at the clock (never when samples.partial_batch_age_s = 0). A surplus sample waits.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/run_config.hpp"
#include "core/training_sample.hpp"
#include "samples/policy_lines.hpp"

namespace clawrl {

/// Fresh samples first, in order of arrival, then the replayed ones, oldest first.
struct Batch {
  std::string line;
  std::vector<TrainingSample> samples;
  std::size_t fresh = 0;  // samples[fresh..] are replayed; their origin is "replay"
};

/// Not thread-safe. Bounded: full() = do not add; what waits stays in the journal until there is room.
class Batcher {
 public:
  /// `lines`: how many policy lines there may be; whatever waits, one of them has a batch before it is full.
  Batcher(const SamplesConfig& settings, std::uint64_t seed, std::size_t lines = 1);

  bool full() const { return waiting_.size() >= capacity_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t capacity() const { return capacity_; }
  bool has_batch() const;        // a whole one
  bool will_have_batch() const;  // the same, or one that only has to come of age

  /// A new revision of a turn that waits replaces the older one, which is reported as dropped(superseded); an older
  /// revision in the window is forgotten. now_s: any clock, the same for next().
  void add(TrainingSample sample, double now_s);

  /// Takes the turn's waiting sample out, reported as dropped(reason), and its used one out of the window.
  void drop(TurnId turn, const std::string& reason);

  /// The next step's batch, if one is due; its fresh samples enter the window. Waiting samples older than
  /// samples.max_staleness (explicit feedback: samples.feedback_staleness) versions of their line are dropped(stale)
  /// first, replayable ones forgotten.
  std::optional<Batch> next(const PolicyLines& lines, double now_s);

  /// Refills the windows after a restart: used samples, of each line in the order of their first use.
  void restore_window(std::vector<TrainingSample> used);

  /// (sample, reason) of what next() and add() dropped since the last call; the journal must hear of it.
  std::vector<std::pair<SampleId, std::string>> take_dropped() { return std::exchange(dropped_, {}); }

 private:
  struct Waiting {
    TrainingSample sample;
    double since_s;
  };
  void drop_stale(const PolicyLines& lines);
  /// The line whose turn it is; empty = none. `aged_s`: samples that came until then need not wait for more.
  std::string due_line(double aged_s) const;
  std::size_t replayable(const std::string& line) const;
  std::size_t least(const std::string& line) const;  // fresh ones that its step needs
  std::size_t most(const std::string& line) const;   // and takes
  void remember(const TrainingSample& sample);
  std::vector<TrainingSample> replayed(const std::string& line, std::int64_t step) const;

  SamplesConfig settings_;
  std::uint64_t seed_;
  std::size_t capacity_;
  std::deque<Waiting> waiting_;
  std::map<std::string, std::deque<TrainingSample>> windows_;  // of each line, oldest first
  std::vector<std::pair<SampleId, std::string>> dropped_;
};

}  // namespace clawrl
