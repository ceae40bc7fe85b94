#pragma once
// Base + adapter as one full set, in torch: what unmerged adapters are compared with, in any precision.

#include <ATen/ATen.h>

#include "model/torch/weight_set.hpp"

namespace clawrl::test {

/// Projections that are no target are shared with `base`.
inline WeightSet merged(const ModelConfig& config, const WeightSet& base, const LoraWeights& lora) {
  at::NoGradGuard no_grad;
  WeightSet sum = base;
  sum.lora = {};
  const auto q = config.num_heads * config.head_dim, kv = config.num_kv_heads * config.head_dim;
  const auto inter = config.intermediate_size;
  auto add = [&](at::Tensor& weight, const at::Tensor& of_base, auto row, auto rows, const LoraPair& p) {
    if (!p.a.defined()) return;
    if (weight.is_same(of_base)) weight = of_base.detach().clone();
    weight.narrow(0, row, rows).addmm_(p.b.detach(), p.a.detach(), 1.0, lora.scaling);
  };
  for (std::size_t i = 0; i < lora.layers.size(); ++i) {
    auto& l = sum.layers[i];
    const auto& from = base.layers[i];
    const auto& adapter = lora.layers[i];
    add(l.qkv, from.qkv, 0, q, adapter.q);
    add(l.qkv, from.qkv, q, kv, adapter.k);
    add(l.qkv, from.qkv, q + kv, kv, adapter.v);
    add(l.o, from.o, 0, config.hidden_size, adapter.o);
    add(l.gate_up, from.gate_up, 0, inter, adapter.gate);
    add(l.gate_up, from.gate_up, inter, inter, adapter.up);
    add(l.down, from.down, 0, config.hidden_size, adapter.down);
  }
  return sum;
}

}  // namespace clawrl::test
