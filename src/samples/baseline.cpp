#include "samples/baseline.hpp"

#include <algorithm>
#include <cmath>

namespace clawrl {

RunningBaseline::RunningBaseline(double half_life_turns) : decay_(std::exp2(-1.0 / half_life_turns)) {}

double RunningBaseline::mean(const std::string& key) const {
  const auto found = moments_.find(key);
  return found == moments_.end() ? 0.0 : found->second.sum / found->second.weight;
}

double RunningBaseline::deviation(const std::string& key) const {
  const auto found = moments_.find(key);
  if (found == moments_.end() || found->second.count < 2) return 1.0;
  const double mean = found->second.sum / found->second.weight;
  const double variance = found->second.squares / found->second.weight - mean * mean;
  return std::max(0.1, std::sqrt(std::max(0.0, variance)));
}

void RunningBaseline::add(const std::string& key, double reward) {
  if (moments_.size() >= most_keys && !moments_.contains(key))
    moments_.erase(std::min_element(moments_.begin(), moments_.end(),
                                    [](const auto& a, const auto& b) { return a.second.count < b.second.count; }));
  auto& m = moments_[key];
  m.weight = decay_ * m.weight + (1 - decay_);
  m.sum = decay_ * m.sum + (1 - decay_) * reward;
  m.squares = decay_ * m.squares + (1 - decay_) * reward * reward;
  ++m.count;
}

}  // namespace clawrl
