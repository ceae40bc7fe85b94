#pragma once
// Low-rank adapters: W' = W + (alpha / r) B A on the target projections.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/model_config.hpp"
#include "model/policy.hpp"
#include "model/torch/parameter_layout.hpp"

namespace clawrl {

struct LoraPair {
  at::Tensor a;  // [r, in]; undefined when the projection is not a target
  at::Tensor b;  // [out, r]
};

struct LoraLayer {
  LoraPair q, k, v, o, gate, up, down;
};

/// No layers = no adapter.
struct LoraWeights {
  std::vector<LoraLayer> layers;
  double scaling = 0;
};

/// Rows [begin, begin + count) of a batch belong to one adapter; rows in no range get the base alone.
struct AdapterRows {
  std::int64_t begin = 0, count = 0;
  const LoraWeights* adapter = nullptr;  // none if null or without layers
};

/// Names as PEFT saves them: base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight. Throws UserError on an
/// unknown target.
ParameterLayout lora_layout(const ModelConfig& config, const LoraConfig& lora);

/// Detached views of `flat` [lora_layout(...).size].
LoraWeights bind_lora(const ModelConfig& config, const LoraConfig& lora, const at::Tensor& flat);

/// A uniform in +-1/sqrt(in), B = 0: the adapter starts as the base. The same seed gives the same bits.
at::Tensor random_lora(const ModelConfig& config, const LoraConfig& lora, std::uint64_t seed);

/// The adapter's values in lora.adapter, a PEFT folder, in a new flat buffer. Throws UserError.
at::Tensor load_lora(const ModelConfig& config, const LoraConfig& lora);

/// Gradients of the adapter's tensors go to `flat_grad` (lora_layout), see track_gradients of weight_set.hpp.
void track_lora_gradients(const ModelConfig& config, const LoraConfig& config_lora, LoraWeights& lora,
                          const at::Tensor& flat_grad);

}  // namespace clawrl
