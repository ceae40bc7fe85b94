#pragma once
// The weights of a model as one block of memory that is only read: what policies, judges, teachers and the LoRA trainer
// point into, so that one block can serve all of them, also across the processes of a node.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/parameter_view.hpp"
#include "model/model_config.hpp"
#include "model/weight_layout.hpp"

namespace clawrl {

/// Immutable; any thread. Matrices lie in front in f32 or bf16, vectors behind them in f32, both at the places that
/// weight_layout() gives, counted in elements.
class WeightImage {
 public:
  /// `memory`: image_bytes() bytes that fill_weight_image() filled, aligned to 64; lives as long as `owner`.
  WeightImage(const ModelConfig& config, DType matrix_type, std::span<const std::byte> memory,
              std::shared_ptr<const void> owner);

  const ModelConfig& config() const { return config_; }
  const ParameterLayout& layout() const { return layout_; }
  DType matrix_type() const { return matrix_type_; }
  const void* matrices() const { return memory_.data(); }  // [layout().matrices]
  const float* vectors() const;                            // [layout().size - layout().matrices]
  std::size_t bytes() const { return memory_.size(); }

  /// One view per parameter, in layout order, for reading only.
  std::vector<ParameterView> views() const;

  /// weights_hash of the folder's weights as f32, the same for every matrix type.
  std::string hash() const;

 private:
  ModelConfig config_;
  ParameterLayout layout_;
  DType matrix_type_;
  std::span<const std::byte> memory_;
  std::shared_ptr<const void> owner_;
};

/// Size of the image of a model; `matrix_type`: f32 or bf16, else UserError.
std::size_t image_bytes(const ModelConfig& config, DType matrix_type);

/// Fills zeroed memory of image_bytes() from the folder, converting in place; extra memory is a few MiB whatever the
/// size of the model. Throws UserError as read_weights() does.
void fill_weight_image(const std::string& folder, const ModelConfig& config, DType matrix_type,
                       std::span<std::byte> memory);

/// Loads a folder into memory of this process alone. Throws UserError.
std::shared_ptr<const WeightImage> load_weight_image(const std::string& folder, DType matrix_type = DType::f32);

/// "fp32" or "bf16", as settings say it; UserError otherwise.
DType parse_matrix_type(const std::string& text);

}  // namespace clawrl
