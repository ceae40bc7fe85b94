#pragma once
// Exact percentiles of a bounded number of measurements, e.g. milliseconds between two tokens.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace clawrl {

struct PercentileSummary {
  std::uint64_t count = 0;  // all measurements ever added
  double mean = 0;          // of all
  double p50 = 0, p90 = 0, p99 = 0;
  double max = 0;  // of all
};

/// Keeps the newest `capacity` values; percentiles are exact over those kept. Thread-safe.
class Percentiles {
 public:
  explicit Percentiles(std::size_t capacity = 1 << 16);
  void add(double value);
  /// Nearest rank: the smallest kept value with at least a share `q` of the kept values at or below it. 0 when empty.
  double percentile(double q) const;
  PercentileSummary summary() const;

 private:
  mutable std::mutex mutex_;
  std::size_t capacity_;
  std::vector<double> kept_;  // ring
  std::uint64_t count_ = 0;
  double sum_ = 0, max_ = 0;
};

}  // namespace clawrl
