#pragma once
// The element-wise parts of a decoder layer, one call each. All are differentiable in every tensor argument but `rope`.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace clawrl {

/// x [N,D], weight [D] -> weight * x / sqrt(mean(x^2) + eps)
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// heads [N, H+2K, d] (q, k, v heads of a token side by side), rope [N,d] (cos | sin, half a row each)
/// -> q [N,H,d], k [N,K,d]: RMS norm per head with q_norm or k_norm [d], then (x1 cos - x2 sin, x2 cos + x1 sin).
std::pair<at::Tensor, at::Tensor> norm_and_rotate(const at::Tensor& heads, const at::Tensor& q_norm,
                                                  const at::Tensor& k_norm, const at::Tensor& rope,
                                                  std::int64_t num_heads, std::int64_t num_kv_heads, double eps);

/// gate_up [N,2I] -> silu(gate) * up [N,I]
at::Tensor swiglu(const at::Tensor& gate_up);

}  // namespace clawrl
