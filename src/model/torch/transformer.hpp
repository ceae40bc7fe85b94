#pragma once
// The decoder: one implementation for sampling and training. What differs between them is the attention object.

#include <ATen/core/Tensor.h>

#include <span>

#include "model/model_config.hpp"
#include "model/torch/weight_set.hpp"

namespace clawrl {

/// N = tokens (any mix of sequences, flattened), H = heads, K = kv heads, d = head_dim, D = hidden, V = vocabulary.
struct Attention {
  virtual ~Attention() = default;
  /// q [N,H,d], k and v [N,K,d]: after the per-head norm and RoPE, before any scaling; rows may be strided, the last
  /// two dimensions are contiguous. window: how many tokens a token sees, itself included; 0 = all before it.
  /// Returns [N,H*d].
  virtual at::Tensor operator()(std::int64_t layer, std::int64_t window, const at::Tensor& q, const at::Tensor& k,
                                const at::Tensor& v) = 0;
};

/// Right-padded causal batches without a cache, differentiable: N = batch * length, row b * length + t.
/// Padding at the end of a row needs no mask: no real token looks at it.
class PaddedAttention : public Attention {
 public:
  PaddedAttention(std::int64_t batch, std::int64_t length) : batch_(batch), length_(length) {}
  at::Tensor operator()(std::int64_t layer, std::int64_t window, const at::Tensor& q, const at::Tensor& k,
                        const at::Tensor& v) override;

 private:
  std::int64_t batch_, length_;
};

/// Holds no weights. Use one object per thread (the RoPE table grows when a later position is asked for).
class Transformer {
 public:
  explicit Transformer(const ModelConfig& config) : config_(config) {}

  /// ids [N] i64, positions [N] i64 (position of each token in its own sequence) -> hidden states [N,D] after the
  /// final norm. Follows the grad mode of the caller.
  at::Tensor hidden(const WeightSet& weights, const at::Tensor& ids, const at::Tensor& positions, Attention& attention);

  /// The same with an adapter per range of rows instead of weights.lora on all of them.
  at::Tensor hidden(const WeightSet& weights, const at::Tensor& ids, const at::Tensor& positions, Attention& attention,
                    std::span<const AdapterRows> adapters);

  /// hidden [N,D] -> logits [N,V]
  at::Tensor logits(const WeightSet& weights, const at::Tensor& hidden) const;

  const ModelConfig& config() const { return config_; }

 private:
  at::Tensor decoder_layer(const WeightSet& weights, std::int64_t layer, const at::Tensor& x, const at::Tensor& rope,
                           Attention& attention, std::span<const AdapterRows> adapters) const;
  at::Tensor rope_rows(const at::Tensor& positions);

  ModelConfig config_;
  at::Tensor rope_table_;  // [positions so far, d]: cos in the first half of a row, sin in the second
};

}  // namespace clawrl
