#pragma once
// A Hugging Face model folder in and out, without torch: config.json, generation_config.json and safetensors files.

#include <span>
#include <string>

#include "core/parameter_view.hpp"
#include "model/model_config.hpp"

namespace clawrl {

/// Fills every view (host, any of f32, bf16, f16) from the folder's tensors, converting where the types differ.
/// Throws UserError that names a missing tensor, one that no view asks for, or a shape that differs.
/// A stored lm_head.weight is accepted and ignored when the config ties the embeddings.
void read_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views);

/// The same, and returns weights_hash of the folder's weights as f32: whatever types the views have, the same folder
/// gives the same hash.
std::string read_weights_hashed(const std::string& folder, const ModelConfig& config,
                                std::span<const ParameterView> views);

/// Writes config.json, generation_config.json and model.safetensors (tensors converted to `type`: f32 or bf16).
/// Makes the folder if needed; the weights come last, so a folder with weights is complete. Nothing else is copied.
void save_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views,
                  DType type = DType::f32);

}  // namespace clawrl
