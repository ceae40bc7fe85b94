#pragma once
// Where the tensors of an export come from, one batch at a time. Internal to convert/.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_reader.hpp"
#include "core/parameter_view.hpp"
#include "model/model_config.hpp"
#include "model/policy.hpp"

namespace clawrl {

struct TensorSource {
  std::vector<ParameterView> tensors;  // names, types and shapes; no data. Sorted by name.
  /// Fills views that have names, types and shapes of `tensors`.
  std::function<void(std::span<const ParameterView>)> read;
};

/// Refuses, with `where` in front, a set of tensors that is not the model's: one that is missing, is there twice, has
/// another shape or no weight's type, or belongs to nothing. A stored copy of tied embeddings may be there.
void check_tensors(std::span<const ParameterView> tensors, const ModelConfig& config, const std::string& where);

/// The same for an adapter: exactly A and B (f32) of lora's targets in every layer of the base.
void check_adapter(std::span<const ParameterView> tensors, const ModelConfig& config, const LoraConfig& lora,
                   const std::string& where);

/// The model's parameters in a checkpoint, which must be exactly those of `config`.
TensorSource checkpoint_source(const Checkpoint& checkpoint, const ModelConfig& config);

/// The folder's weights in f32 with an adapter_source() added: W + alpha/rank B A.
TensorSource merged_source(const TensorSource& adapter, const std::string& base, const ModelConfig& config,
                           const LoraConfig& lora, const std::string& where);

/// The adapter's tensors of a policy line in a checkpoint (PEFT names); none when the line is not there.
TensorSource adapter_source(const Checkpoint& checkpoint, const std::string& line = "main");

/// Of a line on top of main (policy.lines = both): the two as one adapter of twice the rank.
TensorSource stacked_source(const Checkpoint& checkpoint, const std::string& line);

}  // namespace clawrl
