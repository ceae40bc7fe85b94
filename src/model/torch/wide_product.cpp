#include "model/torch/wide_product.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "core/error.hpp"

namespace clawrl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t scratch_elements = 1 << 19;  // 2 MiB: stays in a core's cache between widening and product

/// Calls body(first row, rows, these rows as float) for all rows of a bf16 weight.
template <class Body>
void for_widened(const at::Tensor& weight, Body&& body) {
  const std::int64_t rows = weight.size(0), columns = weight.size(1);
  const std::int64_t block = std::min(rows, std::max<std::int64_t>(64, scratch_elements / columns));
  const auto scratch = at::empty({block, columns}, weight.options().dtype(at::kFloat));
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const auto count = std::min(block, rows - begin);
    auto wide = scratch.narrow(0, 0, count);
    wide.copy_(weight.narrow(0, begin, count));
    body(begin, count, wide);
  }
}

struct WideLinear : torch::autograd::Function<WideLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight) {
    expect(!weight.requires_grad(), "bf16 weights are not trained: the trainer keeps float ones");
    context->save_for_backward({weight});
    auto y = at::empty({x.size(0), weight.size(0)}, x.options());
    product_out(y, x, weight);
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list gradient) {
    return {product_back(gradient[0], context->get_saved_variables()[0]), at::Tensor()};
  }
};

}  // namespace

void product_out(const at::Tensor& y, const at::Tensor& x, const at::Tensor& weight) {
  auto result = y;
  if (weight.scalar_type() == x.scalar_type()) {
    at::mm_out(result, x, weight.t());
    return;
  }
  for_widened(weight, [&](std::int64_t begin, std::int64_t count, const at::Tensor& wide) {
    auto columns = result.narrow(1, begin, count);
    at::mm_out(columns, x, wide.t());
  });
}

at::Tensor product_back(const at::Tensor& dy, const at::Tensor& weight) {
  if (weight.scalar_type() == dy.scalar_type()) return at::mm(dy, weight);
  auto dx = at::zeros({dy.size(0), weight.size(1)}, dy.options());
  for_widened(weight, [&](std::int64_t begin, std::int64_t count, const at::Tensor& wide) {
    dx.addmm_(dy.narrow(1, begin, count), wide);
  });
  return dx;
}

at::Tensor wide_linear(const at::Tensor& x, const at::Tensor& weight) {
  return WideLinear::apply(x, weight);
}

}  // namespace clawrl
