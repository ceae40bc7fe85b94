#pragma once
// One row of logits in two cheap passes: its maximum, then the sum of exp. Both work in blocks and fixed lanes, so the
// compiler can use vector registers and the result does not depend on threads or on other rows.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ids.hpp"

namespace clawrl::kernels {

constexpr std::int64_t scan_block = 512;
constexpr int scan_lanes = 16;

/// exp(x) for x <= 0 within 3e-7 relative; below -87 it stays at exp(-87), which no sum here can feel. The bound is put
/// on the bits: a comparison of floats would keep the compiler from using vector registers.
inline float exp_nonpositive(float x) {
  const std::int32_t magnitude = std::bit_cast<std::int32_t>(x) & 0x7FFFFFFF;
  x = -std::bit_cast<float>(magnitude < 0x42AE0000 ? magnitude : 0x42AE0000);  // 87.0F
  const float shifted = x * 1.44269504F + 12582912.0F;  // 1.5 * 2^23: the low mantissa bits are the rounded exponent
  const float exponent = shifted - 12582912.0F;
  const float r = (x - exponent * 0.693359375F) + exponent * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::int32_t bits = (std::bit_cast<std::int32_t>(shifted) - 0x4B400000 + 127) << 23;
  return p * std::bit_cast<float>(bits);
}

/// Maxima of a row. Reuse the object: it keeps its memory.
struct RowMaximum {
  float value = 0;
  bool finite = true;         // no NaN and no infinity in the row
  std::vector<float> blocks;  // [ceil(V / scan_block)]

  void scan(std::span<const float> row) {
    const auto size = static_cast<std::int64_t>(row.size());
    blocks.resize((size + scan_block - 1) / scan_block);
    value = row[0];
    float poison[scan_lanes] = {};  // x * 0 is not 0 for what is not finite
    for (std::int64_t begin = 0; begin < size; begin += scan_block) {
      const float highest = block_maximum(row.data() + begin, std::min(scan_block, size - begin), poison);
      blocks[begin / scan_block] = highest;
      value = highest > value ? highest : value;
    }
    float sum = 0;
    for (float lane : poison) sum += lane;
    finite = sum == 0;
  }

 private:
  static float block_maximum(const float* x, std::int64_t size, float* poison) {
    float lanes[scan_lanes];
    std::fill(lanes, lanes + scan_lanes, x[0]);
    std::int64_t i = 0;
    for (; i + scan_lanes <= size; i += scan_lanes) {
      for (int lane = 0; lane < scan_lanes; ++lane) {
        lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
        poison[lane] += x[i + lane] * 0.0F;
      }
    }
    for (; i < size; ++i) {
      lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
      poison[0] += x[i] * 0.0F;
    }
    return *std::max_element(lanes, lanes + scan_lanes);
  }
};

/// Sums of exp((x - maximum) * scale) over a row, with scale = 1 / temperature.
struct ExpSum {
  double total = 0;
  std::vector<double> blocks;  // [ceil(V / scan_block)]

  void scan(std::span<const float> row, float maximum, float scale) {
    const auto size = static_cast<std::int64_t>(row.size());
    blocks.resize((size + scan_block - 1) / scan_block);
    total = 0;
    for (std::int64_t begin = 0; begin < size; begin += scan_block) {
      const double sum = block_sum(row.data() + begin, std::min(scan_block, size - begin), maximum, scale);
      blocks[begin / scan_block] = sum;
      total += sum;
    }
  }

 private:
  static double block_sum(const float* x, std::int64_t size, float maximum, float scale) {
    float lanes[scan_lanes] = {};
    std::int64_t i = 0;
    for (; i + scan_lanes <= size; i += scan_lanes) {
      for (int lane = 0; lane < scan_lanes; ++lane) lanes[lane] += exp_nonpositive((x[i + lane] - maximum) * scale);
    }
    double sum = 0;
    for (float lane : lanes) sum += lane;
    for (; i < size; ++i) sum += exp_nonpositive((x[i] - maximum) * scale);
    return sum;
  }
};

struct Candidate {
  float logit = 0;
  TokenId id = 0;
};

/// More likely first; equal ones by lower id.
inline bool better(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// The k best of a row in order, for small k (one comparison per block that holds none of them).
inline void select_top(std::span<const float> row, const RowMaximum& maximum, std::size_t k,
                       std::vector<Candidate>& best) {
  best.clear();
  const auto size = static_cast<std::int64_t>(row.size());
  for (std::int64_t begin = 0; begin < size; begin += scan_block) {
    if (best.size() == k && !(maximum.blocks[begin / scan_block] > best.back().logit)) continue;
    const std::int64_t end = std::min(begin + scan_block, size);
    for (std::int64_t i = begin; i < end; ++i) {
      if (best.size() == k && !(row[i] > best.back().logit)) continue;
      if (best.size() == k) best.pop_back();
      const Candidate candidate{row[i], static_cast<TokenId>(i)};
      best.insert(std::upper_bound(best.begin(), best.end(), candidate, better), candidate);
    }
  }
}

}  // namespace clawrl::kernels
