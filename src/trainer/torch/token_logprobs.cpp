#include "trainer/torch/token_logprobs.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "model/torch/row_masks.hpp"
#include "model/torch/wide_product.hpp"

namespace clawrl {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kChunkElements = 1 << 18;  // logits per chunk: what stays in a core's cache between passes
constexpr std::int64_t kLeastRows = 64;           // a large head is read from memory once per chunk

std::int64_t chunk_rows(std::int64_t vocabulary) {
  return std::max<std::int64_t>(kLeastRows, kChunkElements / vocabulary);
}

/// exp(logits - max) replaces the logits: the backward pass needs the softmax, and so no second exponential.
struct GatherLogSoftmax : torch::autograd::Function<GatherLogSoftmax> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& hidden, const at::Tensor& head,
                            const at::Tensor& ids, bool differentiable, std::span<const IdRuns* const> masks) {
    const std::int64_t rows = hidden.size(0), vocabulary = head.size(0), chunk = chunk_rows(vocabulary);
    at::Tensor result = at::empty(ids.sizes(), hidden.options());
    at::Tensor sums = at::empty({rows, 1}, hidden.options());
    at::Tensor kept = at::empty({differentiable ? rows : std::min(rows, chunk), vocabulary}, hidden.options());
    for (std::int64_t begin = 0; begin < rows; begin += chunk) {
      const std::int64_t count = std::min(chunk, rows - begin);
      at::Tensor logits = kept.narrow(0, differentiable ? begin : 0, count);
      product_out(logits, hidden.narrow(0, begin, count), head);
      if (!masks.empty())
        forbid(logits, masks.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)));
      const at::Tensor picked = logits.gather(1, ids.narrow(0, begin, count));
      const at::Tensor largest = logits.amax({1}, true);
      const at::Tensor sum = logits.sub_(largest).exp_().sum({1}, true);
      result.narrow(0, begin, count).copy_(picked - (largest + sum.log()));
      sums.narrow(0, begin, count).copy_(sum);
    }
    ctx->save_for_backward({hidden, head, ids});
    if (differentiable) {
      ctx->saved_data["exponentials"] = kept;
      ctx->saved_data["sums"] = sums;
    }
    return result;
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &hidden = saved[0], &head = saved[1], &ids = saved[2], gradient = gradients[0].contiguous();
    const at::Tensor kept = ctx->saved_data["exponentials"].toTensor();
    const at::Tensor scale = gradient.sum({1}, true).neg_().div_(ctx->saved_data["sums"].toTensor());
    const bool head_wanted = ctx->needs_input_grad(1);
    at::Tensor hidden_gradient = at::empty_like(hidden);
    at::Tensor head_gradient = head_wanted ? at::zeros_like(head) : at::Tensor();
    const std::int64_t rows = hidden.size(0), chunk = chunk_rows(head.size(0));
    for (std::int64_t begin = 0; begin < rows; begin += chunk) {
      const std::int64_t count = std::min(chunk, rows - begin);
      at::Tensor logits_gradient = kept.narrow(0, begin, count).mul_(scale.narrow(0, begin, count));
      logits_gradient.scatter_add_(1, ids.narrow(0, begin, count), gradient.narrow(0, begin, count));
      hidden_gradient.narrow(0, begin, count).copy_(product_back(logits_gradient, head));
      if (head_wanted) head_gradient.addmm_(logits_gradient.t(), hidden.narrow(0, begin, count));
    }
    ctx->saved_data.clear();
    return {hidden_gradient, head_gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor token_logprobs(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& ids,
                          const at::Tensor& temperature, std::span<const IdRuns* const> masks) {
  const at::Tensor scaled = temperature.defined() ? hidden / temperature.unsqueeze(1) : hidden;
  const bool differentiable = at::GradMode::is_enabled() && (scaled.requires_grad() || head.requires_grad());
  return GatherLogSoftmax::apply(scaled, head, ids, differentiable, masks);
}

}  // namespace clawrl
