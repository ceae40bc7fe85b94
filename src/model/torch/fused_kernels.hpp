#pragma once
// Row kernels behind fused_ops: plain float pointers, rows are dense unless a stride is given.

#include <cstdint>

namespace clawrl::kernels {

/// y = weight * x * inverse, inverse[n] = 1 / sqrt(mean(x[n]^2) + eps)
void rms_norm(std::int64_t rows, std::int64_t size, const float* x, const float* weight, double eps, float* y,
              float* inverse);

/// dx is written, dweight [size] is added to.
void rms_norm_backward(std::int64_t rows, std::int64_t size, const float* dy, const float* x, const float* weight,
                       const float* inverse, float* dx, float* dweight);

/// Norm and rotation of `heads` heads per token; x and y advance by their stride per token, inverse [rows, heads].
struct HeadShape {
  std::int64_t rows, heads, dim, x_stride, y_stride;
};
void norm_rotate(const HeadShape& shape, const float* x, const float* weight, const float* rope, double eps, float* y,
                 float* inverse);

/// dy has y_stride, x and dx have x_stride; dweight [dim] is added to.
void norm_rotate_backward(const HeadShape& shape, const float* dy, const float* x, const float* weight,
                          const float* rope, const float* inverse, float* dx, float* dweight);

/// The rotation alone; x and y (dy and dx on the way back) as above.
void rotate(const HeadShape& shape, const float* x, const float* rope, float* y);
void rotate_backward(const HeadShape& shape, const float* dy, const float* rope, float* dx);

/// gate_up [rows, 2 size] -> y [rows, size]
void swiglu(std::int64_t rows, std::int64_t size, const float* gate_up, float* y);
void swiglu_backward(std::int64_t rows, std::int64_t size, const float* dy, const float* gate_up, float* dgate_up);

}  // namespace clawrl::kernels
