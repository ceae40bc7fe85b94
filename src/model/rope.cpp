#include "model/rope.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace clawrl {
namespace {

// Long waves are stretched, short ones kept, those in between mixed.
double llama3_frequency(double frequency, const RopeScaling& s) {
  const double turns = s.original_positions * frequency / (2 * std::numbers::pi);
  if (turns < s.low_freq_factor) return frequency / s.factor;
  if (turns > s.high_freq_factor) return frequency;
  const double kept = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1 - kept) * frequency / s.factor + kept * frequency;
}

// The plane (as a dimension of the head) that turns `rotations` times over the original context.
double correction_dimension(double rotations, double theta, double dim, double positions) {
  return dim * std::log(positions / (rotations * 2 * std::numbers::pi)) / (2 * std::log(theta));
}

void scale_yarn(std::vector<double>& frequencies, double theta, double dim, const RopeScaling& s) {
  double low = correction_dimension(s.beta_fast, theta, dim, s.original_positions);
  double high = correction_dimension(s.beta_slow, theta, dim, s.original_positions);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / s.factor * stretched + frequencies[i] * (1 - stretched);
  }
}

}  // namespace

std::vector<double> rope_frequencies(double theta, std::int64_t head_dim, const RopeScaling& scaling) {
  const auto dim = static_cast<double>(head_dim);
  std::vector<double> frequencies(static_cast<std::size_t>(head_dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i)
    frequencies[i] = 1 / std::pow(theta, 2 * static_cast<double>(i) / dim);
  if (scaling.type == RopeType::yarn) scale_yarn(frequencies, theta, dim, scaling);
  for (auto& frequency : frequencies) {
    if (scaling.type == RopeType::linear) frequency /= scaling.factor;
    if (scaling.type == RopeType::llama3) frequency = llama3_frequency(frequency, scaling);
  }
  return frequencies;
}

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1;
}

}  // namespace clawrl
