#pragma once
// The decoder's weights as torch tensors: views of one flat buffer (of matrices and vectors in one where it is
// float32), so that gradients, moments and weight transfers are one buffer too.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/parameter_view.hpp"
#include "model/model_config.hpp"
#include "model/torch/experts.hpp"
#include "model/torch/lora.hpp"
#include "model/torch/parameter_layout.hpp"
#include "model/weight_image.hpp"

namespace clawrl {

/// D = hidden, H = heads, K = kv heads, d = head_dim, I = intermediate size. Biases and the norms of heads are
/// undefined in models without, gate_up and down in layers with experts.
struct LayerWeights {
  at::Tensor input_norm;       // [D]
  at::Tensor qkv;              // [(H+2K)d, D]: rows of q_proj, k_proj, v_proj
  at::Tensor qkv_bias;         // [(H+2K)d]
  at::Tensor q_norm, k_norm;   // [d]
  at::Tensor o, o_bias;        // [D, Hd], [D]
  at::Tensor post_norm;        // [D]
  at::Tensor gate_up;          // [2I, D]: rows of gate_proj, up_proj
  at::Tensor gate_up_bias;     // [2I]
  at::Tensor down, down_bias;  // [D, I], [D]
  ExpertLayer mixture;         // without experts where there is an MLP
};

/// Copying shares the tensors. `lora`, if any, is added to the projections as scaling * B A x.
struct WeightSet {
  at::Tensor embed;       // [V, D]
  at::Tensor lm_head;     // [V, D]; the same tensor as `embed` when tied
  at::Tensor final_norm;  // [D]
  std::vector<LayerWeights> layers;
  LoraWeights lora;
};

/// The parameters in the order of weight_layout(): what lies before its `matrices` and what lies behind.
struct FlatWeights {
  at::Tensor matrices;  // f32, or bf16 in a set that is not trained
  at::Tensor vectors;   // f32
};

/// A flat f32 buffer [weight_layout(config).size] as views of it (f32), or as copies with the matrices rounded (bf16).
FlatWeights split_flat(const ModelConfig& config, const at::Tensor& flat, at::ScalarType matrix_type);

/// Views of an image, which they keep; on another device than the CPU copies.
FlatWeights flat_weights(const std::shared_ptr<const WeightImage>& image, at::Device device);

/// Detached tensors that share the memory of `flat`: they are leaves.
WeightSet bind_weights(const ModelConfig& config, const FlatWeights& flat);
WeightSet bind_weights(const ModelConfig& config, const at::Tensor& flat);  // [weight_layout(config).size] f32

/// Fresh weights: normal(0, 0.02), o_proj and down_proj smaller by sqrt(2 layers), norms 1, biases 0. One seed, one set
/// of bits.
at::Tensor random_weights(const ModelConfig& config, std::uint64_t seed);

/// The distinct tensors that autograd sees (fused ones once, a tied head once), in a fixed order, without the LoRA's.
std::vector<at::Tensor> leaves(const WeightSet& weights);

/// Turns on requires_grad for every leaf and makes its .grad a view of `flat_grad` (same layout as the weights), so
/// that backward() accumulates there: zero, reduce and scale gradients as one buffer. flat_grad[i] belongs to flat[i].
void track_gradients(const ModelConfig& config, WeightSet& weights, const at::Tensor& flat_grad);

/// One view per HF parameter, in layout order, of any set (also one whose tensors do not share one buffer).
/// Memory belongs to the set.
std::vector<ParameterView> parameter_views(const ModelConfig& config, const WeightSet& weights);

}  // namespace clawrl
