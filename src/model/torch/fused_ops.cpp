#include "model/torch/fused_ops.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/torch/fused_kernels.hpp"
#include "model/torch/skinny_linear.hpp"
#include "model/torch/wide_product.hpp"

namespace clawrl {

namespace composite {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x * at::rsqrt(at::mean(x * x, {-1}, true) + eps) * weight;
}

SplitHeads split_heads(const at::Tensor& qkv, const at::Tensor& q_norm, const at::Tensor& k_norm,
                       const at::Tensor& rope, double eps, std::int64_t kv_heads) {
  const auto half = qkv.size(2) / 2, heads = qkv.size(1) - 2 * kv_heads;
  const auto cos = rope.narrow(1, 0, half).unsqueeze(1), sin = rope.narrow(1, half, half).unsqueeze(1);
  auto turned = [&](const at::Tensor& x) {
    const auto x1 = x.narrow(2, 0, half), x2 = x.narrow(2, half, half);
    return at::cat({x1 * cos - x2 * sin, x2 * cos + x1 * sin}, 2);
  };
  auto normed_heads = [&](const at::Tensor& x, const at::Tensor& w) { return w.defined() ? rms_norm(x, w, eps) : x; };
  return {turned(normed_heads(qkv.narrow(1, 0, heads), q_norm)),
          turned(normed_heads(qkv.narrow(1, heads, kv_heads), k_norm)), qkv.narrow(1, heads + kv_heads, kv_heads)};
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const auto inter = gate_up.size(1) / 2;
  return at::silu(gate_up.narrow(1, 0, inter)) * gate_up.narrow(1, inter, inter);
}

}  // namespace composite

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

bool has_kernel(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous();
}

const float* in(const at::Tensor& x) {
  return x.const_data_ptr<float>();
}
float* out(const at::Tensor& x) {
  return x.data_ptr<float>();
}

std::pair<at::Tensor, at::Tensor> normed(const at::Tensor& x, const at::Tensor& weight, double eps) {
  auto y = at::empty_like(x), inverse = at::empty({x.size(0)}, x.options());
  kernels::rms_norm(x.size(0), x.size(1), in(x), in(weight), eps, out(y), out(inverse));
  return {y, inverse};
}

struct RmsNorm : Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, double eps) {
    auto [y, inverse] = normed(x, weight, eps);
    context->save_for_backward({x, weight, inverse});
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto dy = grad[0].contiguous();
    auto dx = at::empty_like(x), dweight = at::zeros_like(weight);
    kernels::rms_norm_backward(x.size(0), x.size(1), in(dy), in(x), in(weight), in(saved[2]), out(dx), out(dweight));
    return {dx, dweight, at::Tensor()};
  }
};

struct HeadParts {
  at::Tensor q, k, q_inverse, k_inverse;
};

kernels::HeadShape head_shape(const at::Tensor& qkv, std::int64_t heads) {
  return {qkv.size(0), heads, qkv.size(2), qkv.stride(0), heads * qkv.size(2)};
}

HeadParts turned_heads(const at::Tensor& qkv, const at::Tensor& q_norm, const at::Tensor& k_norm,
                       const at::Tensor& rope, double eps, std::int64_t kv_heads) {
  const auto n = qkv.size(0), heads = qkv.size(1) - 2 * kv_heads, dim = qkv.size(2);
  HeadParts parts{at::empty({n, heads, dim}, qkv.options()), at::empty({n, kv_heads, dim}, qkv.options()), {}, {}};
  if (!q_norm.defined()) {
    kernels::rotate(head_shape(qkv, heads), in(qkv), in(rope), out(parts.q));
    kernels::rotate(head_shape(qkv, kv_heads), in(qkv) + heads * dim, in(rope), out(parts.k));
    return parts;
  }
  parts.q_inverse = at::empty({n, heads}, qkv.options());
  parts.k_inverse = at::empty({n, kv_heads}, qkv.options());
  kernels::norm_rotate(head_shape(qkv, heads), in(qkv), in(q_norm), in(rope), eps, out(parts.q), out(parts.q_inverse));
  kernels::norm_rotate(head_shape(qkv, kv_heads), in(qkv) + heads * dim, in(k_norm), in(rope), eps, out(parts.k),
                       out(parts.k_inverse));
  return parts;
}

struct SplitHeadsFunction : Function<SplitHeadsFunction> {
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv, const at::Tensor& q_norm,
                               const at::Tensor& k_norm, const at::Tensor& rope, double eps, std::int64_t kv_heads) {
    auto parts = turned_heads(qkv, q_norm, k_norm, rope, eps, kv_heads);
    context->save_for_backward({qkv, q_norm, k_norm, rope, parts.q_inverse, parts.k_inverse});
    auto v = qkv.narrow(1, qkv.size(1) - kv_heads, kv_heads).contiguous();  // a copy: its gradient joins dqkv below
    return {parts.q, parts.k, v};
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const auto saved = context->get_saved_variables();
    const auto &qkv = saved[0], &q_norm = saved[1], &k_norm = saved[2], &rope = saved[3];
    const auto dq = grad[0].contiguous(), dk = grad[1].contiguous();
    const auto heads = dq.size(1), kv_heads = dk.size(1), dim = qkv.size(2);
    auto dqkv = at::empty_like(qkv), dq_norm = at::zeros_like(q_norm), dk_norm = at::zeros_like(k_norm);
    kernels::norm_rotate_backward(head_shape(qkv, heads), in(dq), in(qkv), in(q_norm), in(rope), in(saved[4]),
                                  out(dqkv), out(dq_norm));
    kernels::norm_rotate_backward(head_shape(qkv, kv_heads), in(dk), in(qkv) + heads * dim, in(k_norm), in(rope),
                                  in(saved[5]), out(dqkv) + heads * dim, out(dk_norm));
    dqkv.narrow(1, heads + kv_heads, kv_heads).copy_(grad[2]);
    return {dqkv, dq_norm, dk_norm, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

// Without a norm the way back needs the gradients and the angles only.
struct SplitPlainHeads : Function<SplitPlainHeads> {
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv, const at::Tensor& rope,
                               std::int64_t kv_heads) {
    auto parts = turned_heads(qkv, {}, {}, rope, 0, kv_heads);
    context->save_for_backward({rope});
    return {parts.q, parts.k, qkv.narrow(1, qkv.size(1) - kv_heads, kv_heads).contiguous()};
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const auto rope = context->get_saved_variables()[0];
    const auto dq = grad[0].contiguous(), dk = grad[1].contiguous();
    const auto heads = dq.size(1), kv_heads = dk.size(1), dim = dq.size(2);
    auto dqkv = at::empty({dq.size(0), heads + 2 * kv_heads, dim}, dq.options());
    kernels::rotate_backward(head_shape(dqkv, heads), in(dq), in(rope), out(dqkv));
    kernels::rotate_backward(head_shape(dqkv, kv_heads), in(dk), in(rope), out(dqkv) + heads * dim);
    dqkv.narrow(1, heads + kv_heads, kv_heads).copy_(grad[2]);
    return {dqkv, at::Tensor(), at::Tensor()};
  }
};

at::Tensor gated(const at::Tensor& gate_up) {
  auto y = at::empty({gate_up.size(0), gate_up.size(1) / 2}, gate_up.options());
  kernels::swiglu(y.size(0), y.size(1), in(gate_up), out(y));
  return y;
}

struct Swiglu : Function<Swiglu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    context->save_for_backward({gate_up});
    return gated(gate_up);
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const auto gate_up = context->get_saved_variables()[0];
    const auto dy = grad[0].contiguous();
    auto result = at::empty_like(gate_up);
    kernels::swiglu_backward(dy.size(0), dy.size(1), in(dy), in(gate_up), out(result));
    return {result};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight) {
  constexpr std::int64_t most_rows = 64;  // from there on the library's packing pays
  const bool narrow = weight.scalar_type() == at::kBFloat16 && x.scalar_type() == at::kFloat;
  const bool fits = x.size(0) <= most_rows && weight.size(0) % 8 == 0 && weight.size(1) % 8 == 0;
  const bool kernel = fits && !at::GradMode::is_enabled() && has_kernel(x) && weight.is_contiguous();
  if (!kernel || (!narrow && !has_kernel(weight))) return narrow ? wide_linear(x, weight) : at::linear(x, weight);
  auto y = at::empty({x.size(0), weight.size(0)}, x.options());
  const auto rows = x.size(0), columns = weight.size(0), size = weight.size(1);
  if (narrow)
    kernels::skinny_linear_bf16(rows, columns, size, in(x), static_cast<const std::uint16_t*>(weight.const_data_ptr()),
                                out(y));
  else
    kernels::skinny_linear(rows, columns, size, in(x), in(weight), out(y));
  return y;
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (!has_kernel(x)) return composite::rms_norm(x, weight, eps);
  return at::GradMode::is_enabled() ? RmsNorm::apply(x, weight, eps) : normed(x, weight, eps).first;
}

SplitHeads split_heads(const at::Tensor& qkv, const at::Tensor& q_norm, const at::Tensor& k_norm,
                       const at::Tensor& rope, double eps, std::int64_t kv_heads) {
  if (!has_kernel(qkv)) return composite::split_heads(qkv, q_norm, k_norm, rope, eps, kv_heads);
  if (at::GradMode::is_enabled()) {
    auto parts = q_norm.defined() ? SplitHeadsFunction::apply(qkv, q_norm, k_norm, rope, eps, kv_heads)
                                  : SplitPlainHeads::apply(qkv, rope, kv_heads);
    return {parts[0], parts[1], parts[2]};
  }
  auto parts = turned_heads(qkv, q_norm, k_norm, rope, eps, kv_heads);
  return {parts.q, parts.k, qkv.narrow(1, qkv.size(1) - kv_heads, kv_heads)};
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  if (!has_kernel(gate_up)) return composite::swiglu(gate_up);
  return at::GradMode::is_enabled() ? Swiglu::apply(gate_up) : gated(gate_up);
}

}  // namespace clawrl
