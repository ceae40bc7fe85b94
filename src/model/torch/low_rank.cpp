#include "model/torch/low_rank.hpp"

#include <cstring>
#include <vector>

#include "model/torch/simd.hpp"

namespace clawrl::kernels {
namespace {

constexpr std::int64_t block = 8;  // columns of y that are made together

std::int64_t padded(std::int64_t rank) {
  return (rank + simd::width - 1) / simd::width * simd::width;
}

// t[r][c] = x[r] . a[c] for r < R, c < C <= 8. One accumulator per element whatever R and C are.
template <int R, int C>
CLAWRL_INLINE void dots(std::int64_t size, const float* x, const float* a, float scale, float* t, std::int64_t stride) {
  simd::Vector sums[R][8] = {};
  for (std::int64_t k = 0; k < size; k += simd::width)
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) sums[r][c] += simd::at(x + r * size + k) * simd::at(a + c * size + k);
  for (int r = 0; r < R; ++r) {
    float results[8];
    simd::sum_each(sums[r], results);
    for (int c = 0; c < C; ++c) t[r * stride + c] = scale * results[c];
  }
}

template <int C>
CLAWRL_INLINE void dots_of_rows(std::int64_t rows, std::int64_t size, const float* x, const float* a, float scale,
                                float* t, std::int64_t stride) {
  std::int64_t r = 0;
  for (; r + 2 <= rows; r += 2) dots<2, C>(size, x + r * size, a, scale, t + r * stride, stride);
  if (r < rows) dots<1, C>(size, x + r * size, a, scale, t + r * stride, stride);
}

// Eight columns of y for all rows; b [8, rank] may be read up to a vector beyond its end, where t is 0.
template <int V>
CLAWRL_INLINE void expand(std::int64_t rows, std::int64_t vectors, const float* t, const float* b, std::int64_t rank,
                          float* y, std::int64_t y_stride) {
  const std::int64_t count = V > 0 ? V : vectors;
  for (std::int64_t r = 0; r < rows; ++r, t += count * simd::width, y += y_stride) {
    simd::Vector sums[block];
    for (int c = 0; c < block; ++c) sums[c] = simd::at(t) * simd::at(b + c * rank);
    for (std::int64_t v = 1; v < count; ++v)
      for (int c = 0; c < block; ++c)
        sums[c] += simd::at(t + v * simd::width) * simd::at(b + c * rank + v * simd::width);
    float sum[block];
    simd::sum_each(sums, sum);
    simd::at(y) += simd::at(sum);
  }
}

CLAWRL_INLINE void expand_any(std::int64_t rows, std::int64_t vectors, const float* t, const float* b,
                              std::int64_t rank, float* y, std::int64_t y_stride) {
  if (vectors == 1) return expand<1>(rows, 1, t, b, rank, y, y_stride);
  if (vectors == 2) return expand<2>(rows, 2, t, b, rank, y, y_stride);
  expand<0>(rows, vectors, t, b, rank, y, y_stride);
}

CLAWRL_CLONES
void shrink(const LowRank& p, std::int64_t rows, const float* x, float* t, std::int64_t stride) {
  std::int64_t c = 0;
  for (; c + 8 <= p.rank; c += 8) dots_of_rows<8>(rows, p.size, x, p.a + c * p.size, p.scale, t + c, stride);
  if (c + 4 <= p.rank) dots_of_rows<4>(rows, p.size, x, p.a + c * p.size, p.scale, t + c, stride), c += 4;
  for (; c < p.rank; ++c) dots_of_rows<1>(rows, p.size, x, p.a + c * p.size, p.scale, t + c, stride);
}

CLAWRL_CLONES
void expand_all(const LowRank& p, std::int64_t rows, const float* t, float* tail, float* y, std::int64_t y_stride) {
  const auto vectors = padded(p.rank) / simd::width;
  const auto direct = (p.columns - 1) / block * block;  // the last block is copied: nothing may be read behind b
  for (std::int64_t c = 0; c < direct; c += block)
    expand_any(rows, vectors, t, p.b + c * p.rank, p.rank, y + c, y_stride);
  const auto left = p.columns - direct;
  std::memcpy(tail, p.b + direct * p.rank, static_cast<std::size_t>(left * p.rank) * sizeof(float));
  for (std::int64_t r = 0; r < rows; ++r, t += vectors * simd::width) {
    float sum[block] = {};
    expand_any(1, vectors, t, tail, p.rank, sum, 0);
    for (std::int64_t c = 0; c < left; ++c) y[r * y_stride + direct + c] += sum[c];
  }
}

}  // namespace

void add_low_rank(const LowRank& adapter, std::int64_t rows, const float* x, float* y, std::int64_t y_stride) {
  thread_local std::vector<float> scratch;
  const auto stride = padded(adapter.rank);
  const auto dots_size = rows * stride, tail_size = (block + 1) * stride;
  scratch.assign(static_cast<std::size_t>(dots_size + tail_size), 0.0F);
  shrink(adapter, rows, x, scratch.data(), stride);
  expand_all(adapter, rows, scratch.data(), scratch.data() + dots_size, y, y_stride);
}

}  // namespace clawrl::kernels
