#pragma once
// Counts of values below fixed bounds, since the start of the process.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace clawrl {

/// Not thread-safe.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  void add(double value) {
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    ++counts_[static_cast<std::size_t>(at)];
    sum_ += value;
  }
  const std::vector<double>& bounds() const { return bounds_; }         // ascending, each included in its bucket
  const std::vector<std::uint64_t>& counts() const { return counts_; }  // [bounds + 1], not cumulative
  double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

/// For times to the first token and between tokens, in seconds.
inline std::vector<double> latency_bounds_s() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

}  // namespace clawrl
