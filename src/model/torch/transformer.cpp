#include "model/torch/transformer.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

#include "model/torch/fused_ops.hpp"
#include "model/torch/projection.hpp"

namespace clawrl {
namespace {

std::int64_t largest(const at::Tensor& positions) {
  if (!positions.is_cpu()) return positions.max().item<std::int64_t>();
  const auto* begin = positions.const_data_ptr<std::int64_t>();
  return *std::max_element(begin, begin + positions.numel());
}

// q, k, v [B,H,T,d]. Queries go block by block with the keys that any of them sees, so that no [T,T] mask is needed.
at::Tensor windowed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t window) {
  constexpr std::int64_t smallest_block = 256;
  const auto length = q.size(2), block = std::max(window, smallest_block);
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < length; begin += block) {
    const auto end = std::min(begin + block, length), first = std::max<std::int64_t>(0, begin - window + 1);
    const auto options = q.options().dtype(at::kLong).requires_grad(false);
    const auto query = at::arange(begin, end, options).unsqueeze(1), key = at::arange(first, end, options);
    const auto seen = at::logical_and(key <= query, key > query - window);
    parts.push_back(at::scaled_dot_product_attention(q.narrow(2, begin, end - begin), k.narrow(2, first, end - first),
                                                     v.narrow(2, first, end - first), seen));
  }
  return at::cat(parts, 2);
}

at::Tensor mlp(const ModelConfig& config, const LayerWeights& w, const LayerAdapters& lora, const at::Tensor& x) {
  const auto inter = config.intermediate_size;
  const auto gate_up =
      project(x, w.gate_up, w.gate_up_bias, lora, {{inter, &LoraLayer::gate}, {inter, &LoraLayer::up}});
  return project(swiglu(gate_up), w.down, w.down_bias, lora, {{config.hidden_size, &LoraLayer::down}});
}

}  // namespace

at::Tensor PaddedAttention::operator()(std::int64_t, std::int64_t window, const at::Tensor& q, const at::Tensor& k,
                                       const at::Tensor& v) {
  const auto heads = q.size(1), kv_heads = k.size(1), dim = q.size(2), group = heads / kv_heads;
  auto spread = [&](const at::Tensor& x) {  // [N,K,d] -> [B,H,T,d], each kv head repeated for its query heads
    auto y = x.view({batch_, length_, kv_heads, 1, dim});
    if (group > 1) y = y.expand({batch_, length_, kv_heads, group, dim});
    return y.reshape({batch_, length_, heads, dim}).transpose(1, 2);
  };
  const auto query = q.view({batch_, length_, heads, dim}).transpose(1, 2), key = spread(k), value = spread(v);
  const bool all = window == 0 || window >= length_;
  const auto out = all ? at::scaled_dot_product_attention(query, key, value, {}, 0.0, /*is_causal=*/true)
                       : windowed_attention(query, key, value, window);
  return out.transpose(1, 2).reshape({batch_ * length_, heads * dim});
}

at::Tensor Transformer::rope_rows(const at::Tensor& positions) {
  const auto last = largest(positions);
  if (!rope_table_.defined() || rope_table_.size(0) <= last || rope_table_.device() != positions.device()) {
    const at::NoGradGuard no_grad;
    const c10::InferenceMode off(false);  // the table must serve training too
    const auto rows = std::max<std::int64_t>({last + 1, 1024, rope_table_.defined() ? 2 * rope_table_.size(0) : 0});
    const auto frequency = rope_frequencies(config_.rope_theta, config_.head_dim, config_.rope);
    const auto angle = at::outer(at::arange(rows, at::kDouble), at::tensor(frequency, at::kDouble));
    const auto turns = at::cat({angle.cos(), angle.sin()}, 1) * config_.rope.attention_factor;
    rope_table_ = turns.to(at::kFloat).to(positions.device());
  }
  return rope_table_.index_select(0, positions);
}

at::Tensor Transformer::decoder_layer(const WeightSet& weights, std::int64_t layer, const at::Tensor& x,
                                      const at::Tensor& rope, Attention& attention,
                                      std::span<const AdapterRows> adapters) const {
  const auto& w = weights.layers[static_cast<std::size_t>(layer)];
  const LayerAdapters lora{adapters, layer};
  const auto heads = config_.num_heads, kv_heads = config_.num_kv_heads, dim = config_.head_dim;
  const auto eps = config_.rms_norm_eps;

  auto normed = rms_norm(x, w.input_norm, eps);
  auto qkv = project(normed, w.qkv, w.qkv_bias, lora,
                     {{heads * dim, &LoraLayer::q}, {kv_heads * dim, &LoraLayer::k}, {kv_heads * dim, &LoraLayer::v}});
  qkv = qkv.view({x.size(0), heads + 2 * kv_heads, dim});
  auto [q, k, v] = split_heads(qkv, w.q_norm, w.k_norm, rope, eps, kv_heads);
  auto mixed = project(attention(layer, config_.window(layer), q, k, v), w.o, w.o_bias, lora,
                       {{config_.hidden_size, &LoraLayer::o}});
  auto residual = at::add(x, mixed);

  normed = rms_norm(residual, w.post_norm, eps);
  if (config_.experts.in(layer)) return at::add(residual, mix_experts(config_.experts, w.mixture, normed));
  return at::add(residual, mlp(config_, w, lora, normed));
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
  if (x.scalar_type() == at::kBFloat16) x = x.to(at::kFloat);  // the weights' type, not that of the sums
  for (std::int64_t layer = 0; layer < config_.num_layers; ++layer)
    x = decoder_layer(weights, layer, x, rope, attention, adapters);
  return rms_norm(x, weights.final_norm, config_.rms_norm_eps);
}

at::Tensor Transformer::logits(const WeightSet& weights, const at::Tensor& hidden) const {
  return clawrl::linear(hidden, weights.lm_head);
}

}  // namespace clawrl
