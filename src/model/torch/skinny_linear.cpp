#include "model/torch/skinny_linear.hpp"

#include "model/torch/simd.hpp"

namespace clawrl::kernels {
namespace {

// y[r][c] for r < R, c < C; R * C is a multiple of the vector width. One accumulator per element, summed at the end:
// with those of W they must fit into 16 registers, or AVX2 spills them.
template <int R, int C, class Weight>
CLAWRL_INLINE void tile(std::int64_t columns, std::int64_t size, const float* x, const Weight* weight, float* y) {
  simd::Vector sums[R * C] = {};
  for (std::int64_t k = 0; k < size; k += simd::width) {
    simd::Vector w[C];
    for (int c = 0; c < C; ++c) simd::load(w[c], weight + c * size + k);
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) sums[r * C + c] += simd::at(x + r * size + k) * w[c];
  }
  float results[R * C];
  for (int i = 0; i < R * C; i += static_cast<int>(simd::width)) simd::sum_each(sums + i, results + i);
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) y[r * columns + c] = results[r * C + c];
}

template <class Weight>
CLAWRL_INLINE void multiply(std::int64_t rows, std::int64_t columns, std::int64_t size, const float* x,
                            const Weight* weight, float* y) {
  for (std::int64_t c = 0; c < columns; c += 8) {  // all rows of x meet these rows of W while they are in the cache
    const Weight* w = weight + c * size;
    std::int64_t r = 0;
    for (; r + 2 <= rows; r += 2)
      for (int part = 0; part < 8; part += 4)
        tile<2, 4>(columns, size, x + r * size, w + part * size, y + r * columns + c + part);
    for (; r < rows; ++r) tile<1, 8>(columns, size, x + r * size, w, y + r * columns + c);
  }
}

}  // namespace

CLAWRL_CLONES
void skinny_linear(std::int64_t rows, std::int64_t columns, std::int64_t size, const float* x, const float* weight,
                   float* y) {
  multiply(rows, columns, size, x, weight, y);
}

CLAWRL_CLONES
void skinny_linear_bf16(std::int64_t rows, std::int64_t columns, std::int64_t size, const float* x,
                        const std::uint16_t* weight, float* y) {
  multiply(rows, columns, size, x, weight, y);
}

}  // namespace clawrl::kernels
