#include "model/torch/fused_ops.hpp"

#include <ATen/ATen.h>

namespace clawrl {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x * at::rsqrt(at::mean(x * x, {-1}, true) + eps) * weight;
}

namespace {

at::Tensor rotate(const at::Tensor& x, const at::Tensor& rope) {
  const auto half = x.size(2) / 2;
  const auto cos = rope.narrow(1, 0, half).unsqueeze(1), sin = rope.narrow(1, half, half).unsqueeze(1);
  const auto x1 = x.narrow(2, 0, half), x2 = x.narrow(2, half, half);
  return at::cat({x1 * cos - x2 * sin, x2 * cos + x1 * sin}, 2);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> norm_and_rotate(const at::Tensor& heads, const at::Tensor& q_norm,
                                                  const at::Tensor& k_norm, const at::Tensor& rope,
                                                  std::int64_t num_heads, std::int64_t num_kv_heads, double eps) {
  return {rotate(rms_norm(heads.narrow(1, 0, num_heads), q_norm, eps), rope),
          rotate(rms_norm(heads.narrow(1, num_heads, num_kv_heads), k_norm, eps), rope)};
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const auto inter = gate_up.size(1) / 2;
  return at::silu(gate_up.narrow(1, 0, inter)) * gate_up.narrow(1, inter, inter);
}

}  // namespace clawrl
