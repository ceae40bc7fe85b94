#pragma once
// Which samples an optimiser step takes.
//
//   add() in journal order --> waiting --first `batch` of them--> step + `replay` of the window --> window of used ones
//
// Composition depends on the order of add() and on the counts alone, so the same journal gives the same batches; only
// partial batches look at the clock (never when samples.partial_batch_age_s = 0). A surplus sample waits.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/run_config.hpp"
#include "core/training_sample.hpp"

namespace clawrl {

/// Fresh samples first, in order of arrival, then the replayed ones, oldest first.
struct Batch {
  std::vector<TrainingSample> samples;
  std::size_t fresh = 0;  // samples[fresh..] are replayed; their origin is "replay"
};

/// Not thread-safe. Bounded: full() = do not add; what waits stays in the journal until there is room.
class Batcher {
 public:
  Batcher(const SamplesConfig& settings, std::uint64_t seed);

  bool full() const { return waiting_.size() >= capacity_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t capacity() const { return capacity_; }

  /// A new revision of a turn that waits replaces the older one, which is reported as dropped(superseded); an older
  /// revision in the window is forgotten. now_s: any clock, the same for next().
  void add(TrainingSample sample, double now_s);

  /// Takes the turn's waiting sample out, reported as dropped(reason), and its used one out of the window.
  void drop(TurnId turn, const std::string& reason);

  /// The batch of `step`, if one is due; its fresh samples enter the window. Waiting samples older than
  /// samples.max_staleness (explicit feedback: samples.feedback_staleness) versions are dropped(stale) first,
  /// replayable ones forgotten.
  std::optional<Batch> next(std::int64_t step, std::int64_t newest_version, double now_s);

  /// Refills the window after a restart: used samples in the order of their first use.
  void restore_window(std::vector<TrainingSample> used);

  /// (sample, reason) of what next() and add() dropped since the last call; the journal must hear of it.
  std::vector<std::pair<SampleId, std::string>> take_dropped() { return std::exchange(dropped_, {}); }

 private:
  struct Waiting {
    TrainingSample sample;
    double since_s;
  };
  void drop_stale(std::int64_t newest_version);
  void remember(const TrainingSample& sample);
  std::vector<TrainingSample> replayed(std::int64_t step) const;

  SamplesConfig settings_;
  std::uint64_t seed_;
  std::size_t capacity_;
  std::deque<Waiting> waiting_;
  std::deque<TrainingSample> window_;  // oldest first
  std::vector<std::pair<SampleId, std::string>> dropped_;
};

}  // namespace clawrl
