#pragma once
// PEFT adapter folders (adapter_config.json, adapter_model.safetensors) in and out, without torch.

#include <span>
#include <string>

#include "core/parameter_view.hpp"
#include "model/policy.hpp"

namespace clawrl {

/// What adapter_config.json says, with `adapter` = folder. Refuses by name every option that would make the adapter
/// more than scaling * B A on whole sets of projections (DoRA, biases, rank patterns, chosen layers ...) and targets
/// other than the seven projections or "all-linear". lora_dropout is read, not judged. Throws UserError.
LoraConfig read_peft_config(const std::string& folder);

/// `asked` itself without an adapter folder; else the folder's configuration. A rank, alpha or list of targets in
/// `asked` that is neither the default nor the folder's is a UserError.
LoraConfig resolve_lora(const LoraConfig& asked);

/// Fills every view (host; f32, bf16 or f16; PEFT names: base_model.model.model.layers.0.mlp.up_proj.lora_A.weight)
/// from adapter_model.safetensors. Throws UserError naming a missing tensor, another shape, one that no view asks for.
void read_peft_weights(const std::string& folder, std::span<const ParameterView> views);

/// Writes both files, tensors converted to `type` (f32, bf16 or f16), the weights last. `base_model` is what PEFT looks
/// for when it loads the adapter alone: a folder or a name on the hub. Makes the folder if needed.
void save_peft(const std::string& folder, const std::string& base_model, const LoraConfig& lora,
               std::span<const ParameterView> views, DType type = DType::f32);

}  // namespace clawrl
