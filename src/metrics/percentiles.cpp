#include "metrics/percentiles.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace clawrl {
namespace {

double nearest_rank(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size()) - 1e-9));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

}  // namespace

Percentiles::Percentiles(std::size_t capacity) : capacity_(capacity) {
  expect(capacity > 0, "Percentiles: capacity must be positive");
}

void Percentiles::add(double value) {
  const std::lock_guard lock(mutex_);
  if (kept_.size() < capacity_)
    kept_.push_back(value);
  else
    kept_[count_ % capacity_] = value;
  max_ = count_ == 0 ? value : std::max(max_, value);
  ++count_;
  sum_ += value;
}

double Percentiles::percentile(double q) const {
  std::unique_lock lock(mutex_);
  auto sorted = kept_;
  lock.unlock();
  std::sort(sorted.begin(), sorted.end());
  return nearest_rank(sorted, q);
}

PercentileSummary Percentiles::summary() const {
  std::unique_lock lock(mutex_);
  auto sorted = kept_;
  PercentileSummary summary{.count = count_, .max = max_};
  if (count_ > 0) summary.mean = sum_ / static_cast<double>(count_);
  lock.unlock();
  std::sort(sorted.begin(), sorted.end());
  summary.p50 = nearest_rank(sorted, 0.50);
  summary.p90 = nearest_rank(sorted, 0.90);
  summary.p99 = nearest_rank(sorted, 0.99);
  return summary;
}

}  // namespace clawrl
