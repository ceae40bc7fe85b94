#include "model/torch/fused_kernels.hpp"

#include <cmath>
#include <vector>

#include "model/torch/simd.hpp"

namespace clawrl::kernels {
namespace {

CLAWRL_INLINE float inverse_rms(const float* x, std::int64_t size, double eps) {
  const double mean = static_cast<double>(simd::dot(x, x, size)) / static_cast<double>(size);
  return static_cast<float>(1.0 / std::sqrt(mean + eps));
}

// One row of the norm's backward: dx = inverse (w dy) - x inverse^3 mean(w dy x), dweight += dy x inverse.
CLAWRL_INLINE void norm_row_backward(std::int64_t size, const float* __restrict dy, const float* __restrict x,
                                     const float* __restrict weight, float inverse, float* __restrict dx,
                                     float* __restrict dweight) {
  const float along = simd::dot(dy, x, weight, size) * inverse * inverse * inverse / static_cast<float>(size);
  for (std::int64_t i = 0; i < size; ++i) {
    dx[i] = inverse * weight[i] * dy[i] - along * x[i];
    dweight[i] += dy[i] * x[i] * inverse;
  }
}

CLAWRL_INLINE void norm_rotate_row(std::int64_t half, const float* __restrict x, const float* __restrict weight,
                                   const float* __restrict rope, float inverse, float* __restrict y) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float x1 = x[i] * inverse * weight[i], x2 = x[half + i] * inverse * weight[half + i];
    y[i] = x1 * rope[i] - x2 * rope[half + i];
    y[half + i] = x2 * rope[i] + x1 * rope[half + i];
  }
}

CLAWRL_INLINE void rotate_row(std::int64_t half, const float* __restrict x, const float* __restrict rope,
                              float* __restrict y) {
  for (std::int64_t i = 0; i < half; ++i) {
    y[i] = x[i] * rope[i] - x[half + i] * rope[half + i];
    y[half + i] = x[half + i] * rope[i] + x[i] * rope[half + i];
  }
}

CLAWRL_INLINE void rotate_back_row(std::int64_t half, const float* __restrict dy, const float* __restrict rope,
                                   float* __restrict dx) {
  for (std::int64_t i = 0; i < half; ++i) {
    dx[i] = dy[i] * rope[i] + dy[half + i] * rope[half + i];
    dx[half + i] = dy[half + i] * rope[i] - dy[i] * rope[half + i];
  }
}

CLAWRL_INLINE void swiglu_row(std::int64_t size, const float* __restrict gate, const float* __restrict up,
                              float* __restrict y) {
  for (std::int64_t i = 0; i < size; ++i) y[i] = gate[i] / (1.0F + simd::exp(-gate[i])) * up[i];
}

CLAWRL_INLINE void swiglu_row_backward(std::int64_t size, const float* __restrict dy, const float* __restrict gate,
                                       const float* __restrict up, float* __restrict dgate, float* __restrict dup) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float sigmoid = 1.0F / (1.0F + simd::exp(-gate[i]));
    dgate[i] = dy[i] * up[i] * sigmoid * (1.0F + gate[i] * (1.0F - sigmoid));
    dup[i] = dy[i] * gate[i] * sigmoid;
  }
}

}  // namespace

CLAWRL_CLONES
void rms_norm(std::int64_t rows, std::int64_t size, const float* x, const float* weight, double eps, float* y,
              float* inverse) {
  for (std::int64_t n = 0; n < rows; ++n) {
    const float* __restrict from = x + n * size;
    float* __restrict to = y + n * size;
    inverse[n] = inverse_rms(from, size, eps);
    for (std::int64_t i = 0; i < size; ++i) to[i] = weight[i] * (from[i] * inverse[n]);
  }
}

CLAWRL_CLONES
void rms_norm_backward(std::int64_t rows, std::int64_t size, const float* dy, const float* x, const float* weight,
                       const float* inverse, float* dx, float* dweight) {
  for (std::int64_t n = 0; n < rows; ++n)
    norm_row_backward(size, dy + n * size, x + n * size, weight, inverse[n], dx + n * size, dweight);
}

CLAWRL_CLONES
void norm_rotate(const HeadShape& s, const float* x, const float* weight, const float* rope, double eps, float* y,
                 float* inverse) {
  for (std::int64_t n = 0; n < s.rows; ++n) {
    for (std::int64_t h = 0; h < s.heads; ++h) {
      const float* from = x + n * s.x_stride + h * s.dim;
      const float scale = inverse[n * s.heads + h] = inverse_rms(from, s.dim, eps);
      norm_rotate_row(s.dim / 2, from, weight, rope + n * s.dim, scale, y + n * s.y_stride + h * s.dim);
    }
  }
}

CLAWRL_CLONES
void norm_rotate_backward(const HeadShape& s, const float* dy, const float* x, const float* weight, const float* rope,
                          const float* inverse, float* dx, float* dweight) {
  std::vector<float> turned(static_cast<std::size_t>(s.dim));
  for (std::int64_t n = 0; n < s.rows; ++n) {
    for (std::int64_t h = 0; h < s.heads; ++h) {
      const auto at = n * s.x_stride + h * s.dim;
      rotate_back_row(s.dim / 2, dy + n * s.y_stride + h * s.dim, rope + n * s.dim, turned.data());
      norm_row_backward(s.dim, turned.data(), x + at, weight, inverse[n * s.heads + h], dx + at, dweight);
    }
  }
}

CLAWRL_CLONES
void rotate(const HeadShape& s, const float* x, const float* rope, float* y) {
  for (std::int64_t n = 0; n < s.rows; ++n)
    for (std::int64_t h = 0; h < s.heads; ++h)
      rotate_row(s.dim / 2, x + n * s.x_stride + h * s.dim, rope + n * s.dim, y + n * s.y_stride + h * s.dim);
}

CLAWRL_CLONES
void rotate_backward(const HeadShape& s, const float* dy, const float* rope, float* dx) {
  for (std::int64_t n = 0; n < s.rows; ++n)
    for (std::int64_t h = 0; h < s.heads; ++h)
      rotate_back_row(s.dim / 2, dy + n * s.y_stride + h * s.dim, rope + n * s.dim, dx + n * s.x_stride + h * s.dim);
}

CLAWRL_CLONES
void swiglu(std::int64_t rows, std::int64_t size, const float* gate_up, float* y) {
  for (std::int64_t n = 0; n < rows; ++n)
    swiglu_row(size, gate_up + 2 * n * size, gate_up + (2 * n + 1) * size, y + n * size);
}

CLAWRL_CLONES
void swiglu_backward(std::int64_t rows, std::int64_t size, const float* dy, const float* gate_up, float* dgate_up) {
  for (std::int64_t n = 0; n < rows; ++n) {
    const auto gate = 2 * n * size, up = gate + size;
    swiglu_row_backward(size, dy + n * size, gate_up + gate, gate_up + up, dgate_up + gate, dgate_up + up);
  }
}

}  // namespace clawrl::kernels
