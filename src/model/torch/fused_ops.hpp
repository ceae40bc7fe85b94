#pragma once
// The element-wise parts of a decoder layer, one call each, differentiable in every tensor argument but `rope`.
// On the CPU in float32 each is one kernel with its own backward; elsewhere the same formula in torch operations.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace clawrl {

/// x [N,D] f32, weight [M,D] f32 or (not trained) bf16 -> x W^T [N,M] f32. Without autograd on the CPU, up to 64 rows
/// go through a kernel whose results do not depend on N.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight);

/// x [N,D], weight [D] -> weight * x / sqrt(mean(x^2) + eps)
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// H query heads, K kv heads of size d. All rows of q, k and v are dense; v may be a view of the input.
struct SplitHeads {
  at::Tensor q, k, v;  // [N,H,d], [N,K,d], [N,K,d]
};

/// qkv [N, H+2K, d] (heads of q, k, v side by side), rope [N,d] (cos | sin, half a row each). q and k: RMS norm per
/// head with q_norm or k_norm [d] (both undefined: no norm), then the halves (x1, x2) rotate to
/// (x1 cos - x2 sin, x2 cos + x1 sin). v passes.
SplitHeads split_heads(const at::Tensor& qkv, const at::Tensor& q_norm, const at::Tensor& k_norm,
                       const at::Tensor& rope, double eps, std::int64_t kv_heads);

/// gate_up [N,2I] -> silu(gate) * up [N,I]
at::Tensor swiglu(const at::Tensor& gate_up);

/// The same formulas in plain torch operations, any type and device: what the kernels are checked against.
namespace composite {
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
SplitHeads split_heads(const at::Tensor& qkv, const at::Tensor& q_norm, const at::Tensor& k_norm,
                       const at::Tensor& rope, double eps, std::int64_t kv_heads);
at::Tensor swiglu(const at::Tensor& gate_up);
}  // namespace composite

}  // namespace clawrl
