#pragma once
// Adapters folded into the weights they belong to, without torch.

#include <span>

#include "core/parameter_view.hpp"
#include "model/policy.hpp"

namespace clawrl {

/// W += lora.scaling() * B A in place for every target of every layer. `base`: HF names, host, f32, writable;
/// `adapter`: PEFT names, host, f32, exactly the A and B of lora's targets. Throws UserError naming what is missing or
/// misshapen; `base` is untouched then.
void merge_adapter(const ModelConfig& config, std::span<const ParameterView> base, const LoraConfig& lora,
                   std::span<const ParameterView> adapter);

}  // namespace clawrl
