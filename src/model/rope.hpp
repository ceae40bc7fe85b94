#pragma once
// Rotation frequencies of a head and the ways to stretch them to longer contexts.

#include <cstdint>
#include <vector>

namespace clawrl {

enum class RopeType : std::uint8_t { standard, linear, llama3, yarn };

struct RopeScaling {
  RopeType type = RopeType::standard;
  double factor = 1;
  double original_positions = 0;                     // llama3, yarn: context length before the stretching
  double low_freq_factor = 1, high_freq_factor = 1;  // llama3: wavelengths, as shares of original_positions
  double beta_fast = 32, beta_slow = 1;              // yarn: rotations over original_positions
  bool truncate = true;                              // yarn: the ramp begins and ends at whole dimensions
  double attention_factor = 1;                       // yarn: cos and sin are multiplied by it
  bool operator==(const RopeScaling&) const = default;
};

/// Radians per position of each of the head_dim / 2 planes.
std::vector<double> rope_frequencies(double theta, std::int64_t head_dim, const RopeScaling& scaling);

/// What yarn multiplies cos and sin by when nothing else is said: 0.1 mscale ln(factor) + 1, at least 1.
double yarn_magnitude(double factor, double mscale = 1);

}  // namespace clawrl
