#include "model/torch/experts.hpp"

#include <ATen/ATen.h>

#include "model/torch/fused_ops.hpp"

namespace clawrl {
namespace {

/// Which expert sees which token: N tokens make N * per_token pairs, pair n * per_token + j is token n's j-th choice.
struct Routing {
  at::Tensor weights;                // [N, per_token]
  at::Tensor order;                  // [N * per_token]: pairs by expert, in the order of the tokens within one
  std::vector<std::int64_t> counts;  // [E] tokens of each expert
};

Routing route(const ExpertConfig& config, const at::Tensor& router, const at::Tensor& x) {
  const auto probabilities = at::softmax(clawrl::linear(x, router), 1);
  auto [weights, chosen] = at::topk(probabilities, config.per_token, 1);
  if (config.renormalise) weights = weights / weights.sum(1, /*keepdim=*/true);
  const auto pairs = chosen.reshape({-1});
  const auto counts = at::bincount(pairs, {}, config.count).cpu();
  const auto* count = counts.const_data_ptr<std::int64_t>();
  return {weights, at::argsort(pairs, /*stable=*/true, 0, /*descending=*/false), {count, count + config.count}};
}

}  // namespace

at::Tensor mix_experts(const ExpertConfig& config, const ExpertLayer& layer, const at::Tensor& x) {
  const auto tokens = x.size(0), choices = config.per_token;
  const auto routing = route(config, layer.router, x);
  // Splitting and joining once, so that the way back joins and splits once too: no gradient of all rows per expert.
  const auto gathered = x.index_select(0, at::floor_divide(routing.order, choices));
  const auto inputs = gathered.split_with_sizes(routing.counts);
  std::vector<at::Tensor> outputs;
  for (std::size_t e = 0; e < inputs.size(); ++e) {
    if (routing.counts[e] == 0) continue;
    const auto& expert = layer.experts[e];
    outputs.push_back(clawrl::linear(swiglu(clawrl::linear(inputs[e], expert.gate_up)), expert.down));
  }
  const auto said = at::cat(outputs, 0).index_select(0, at::argsort(routing.order)).view({tokens, choices, -1});
  auto sum = said.select(1, 0) * routing.weights.narrow(1, 0, 1);
  for (std::int64_t j = 1; j < choices; ++j) sum = sum + said.select(1, j) * routing.weights.narrow(1, j, 1);
  return sum;
}

}  // namespace clawrl
