#include "model/torch/transformer.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "model/torch/fused_ops.hpp"
#include "model/torch/projection.hpp"

namespace clawrl {
namespace {

std::int64_t largest(const at::Tensor& positions) {
  if (!positions.is_cpu()) return positions.max().item<std::int64_t>();
  const auto* begin = positions.const_data_ptr<std::int64_t>();
  return *std::max_element(begin, begin + positions.numel());
}

}  // namespace

at::Tensor PaddedAttention::operator()(std::int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto heads = q.size(1), kv_heads = k.size(1), dim = q.size(2), group = heads / kv_heads;
  auto spread = [&](const at::Tensor& x) {  // [N,K,d] -> [B,H,T,d], each kv head repeated for its query heads
    auto y = x.view({batch_, length_, kv_heads, 1, dim});
    if (group > 1) y = y.expand({batch_, length_, kv_heads, group, dim});
    return y.reshape({batch_, length_, heads, dim}).transpose(1, 2);
  };
  auto out = at::scaled_dot_product_attention(q.view({batch_, length_, heads, dim}).transpose(1, 2), spread(k),
                                              spread(v), {}, 0.0, /*is_causal=*/true);
  return out.transpose(1, 2).reshape({batch_ * length_, heads * dim});
}

at::Tensor Transformer::rope_rows(const at::Tensor& positions) {
  const auto last = largest(positions);
  if (!rope_table_.defined() || rope_table_.size(0) <= last || rope_table_.device() != positions.device()) {
    const at::NoGradGuard no_grad;
    const c10::InferenceMode off(false);  // the table must serve training too
    const auto rows = std::max<std::int64_t>({last + 1, 1024, rope_table_.defined() ? 2 * rope_table_.size(0) : 0});
    const auto d = config_.head_dim;
    auto exponent = at::arange(0, d, 2, at::kDouble) / static_cast<double>(d);
    auto frequency = at::pow(at::Scalar(config_.rope_theta), exponent).reciprocal();
    auto angle = at::outer(at::arange(rows, at::kDouble), frequency);
    rope_table_ = at::cat({angle.cos(), angle.sin()}, 1).to(at::kFloat).to(positions.device());
  }
  return rope_table_.index_select(0, positions);
}

at::Tensor Transformer::decoder_layer(const WeightSet& weights, std::int64_t layer, const at::Tensor& x,
                                      const at::Tensor& rope, Attention& attention,
                                      std::span<const AdapterRows> adapters) const {
  const auto& w = weights.layers[static_cast<std::size_t>(layer)];
  const LayerAdapters lora{adapters, layer};
  const auto heads = config_.num_heads, kv_heads = config_.num_kv_heads, dim = config_.head_dim;
  const auto inter = config_.intermediate_size, hidden = config_.hidden_size;
  const auto eps = config_.rms_norm_eps;

  auto normed = rms_norm(x, w.input_norm, eps);
  auto qkv = project(normed, w.qkv, w.qkv_bias, lora,
                     {{heads * dim, &LoraLayer::q}, {kv_heads * dim, &LoraLayer::k}, {kv_heads * dim, &LoraLayer::v}});
  qkv = qkv.view({x.size(0), heads + 2 * kv_heads, dim});
  auto [q, k, v] = split_heads(qkv, w.q_norm, w.k_norm, rope, eps, kv_heads);
  auto mixed = project(attention(layer, q, k, v), w.o, {}, lora, {{hidden, &LoraLayer::o}});
  auto residual = at::add(x, mixed);

  normed = rms_norm(residual, w.post_norm, eps);
  auto gate_up = project(normed, w.gate_up, {}, lora, {{inter, &LoraLayer::gate}, {inter, &LoraLayer::up}});
  return at::add(residual, project(swiglu(gate_up), w.down, {}, lora, {{hidden, &LoraLayer::down}}));
}

at::Tensor Transformer::hidden(const WeightSet& weights, const at::Tensor& ids, const at::Tensor& positions,
                               Attention& attention) {
  const AdapterRows all{0, ids.size(0), &weights.lora};
  return hidden(weights, ids, positions, attention, {&all, 1});
}

at::Tensor Transformer::hidden(const WeightSet& weights, const at::Tensor& ids, const at::Tensor& positions,
                               Attention& attention, std::span<const AdapterRows> adapters) {
  const auto rope = rope_rows(positions);
  auto x = at::embedding(weights.embed, ids);
  for (std::int64_t layer = 0; layer < config_.num_layers; ++layer)
    x = decoder_layer(weights, layer, x, rope, attention, adapters);
  return rms_norm(x, weights.final_norm, config_.rms_norm_eps);
}

at::Tensor Transformer::logits(const WeightSet& weights, const at::Tensor& hidden) const {
  return clawrl::linear(hidden, weights.lm_head);
}

}  // namespace clawrl
