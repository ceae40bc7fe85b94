#include "model/torch/projection.hpp"

#include <ATen/ATen.h>

#include <vector>

#include "model/torch/fused_ops.hpp"

namespace clawrl {

at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const LoraWeights& lora,
                   std::initializer_list<AdapterPart> parts) {
  auto y = clawrl::linear(x, weight);
  if (bias.defined()) y = at::add(y, bias);
  if (lora.layers.empty()) return y;
  std::vector<at::Tensor> sums;
  std::int64_t begin = 0;
  for (const auto& part : parts) {
    auto sum = y.narrow(1, begin, part.rows);
    begin += part.rows;
    if (part.pair->a.defined())
      sum = at::add(sum, clawrl::linear(clawrl::linear(x, part.pair->a), part.pair->b), lora.scaling);
    sums.push_back(sum);
  }
  return sums.size() == 1 ? sums[0] : at::cat(sums, 1);
}

}  // namespace clawrl
