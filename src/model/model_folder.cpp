#include "model/model_folder.hpp"

#include <filesystem>
#include <map>

#include "core/error.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (auto extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

bool is_weight_type(DType type) { return type == DType::f32 || type == DType::bf16 || type == DType::f16; }

}  // namespace

void read_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views) {
  struct Stored {
    const SafetensorsFile* file;
    const ParameterView* tensor;
  };
  const auto files = open_model_folder(folder);
  std::map<std::string, Stored> stored;
  for (const auto& file : files)
    for (const auto& tensor : file->tensors())
      require(stored.emplace(tensor.name, Stored{file.get(), &tensor}).second,
              folder + ": tensor " + tensor.name + " is in two files");
  if (config.tied_embeddings) stored.erase("lm_head.weight");
  for (const auto& view : views) {
    const auto at = stored.find(view.name);
    require(at != stored.end(), folder + ": tensor " + view.name + " is missing");
    const auto& tensor = *at->second.tensor;
    require(tensor.shape == view.shape, folder + ": tensor " + view.name + " has shape " + shape_text(tensor.shape) +
                                            ", config.json asks for " + shape_text(view.shape));
    require(is_weight_type(tensor.type), folder + ": tensor " + view.name + " has type " + name(tensor.type) +
                                             "; allowed for weights: f32, bf16, f16");
    at->second.file->read(tensor, view);
    stored.erase(at);
  }
  for (const auto& [tensor, where] : stored)
    require(tensor.ends_with(".rotary_emb.inv_freq"),  // a constant that older folders keep
            folder + ": tensor " + tensor + " belongs to no part of a " + config.architecture);
}

void save_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views,
                  DType type) {
  require(type == DType::f32 || type == DType::bf16,
          std::string("weights cannot be saved as ") + name(type) + "; allowed: f32, bf16");
  write_model_config(config, folder);
  write_safetensors(folder + "/model.safetensors", {views.begin(), views.end()}, {{"format", "pt"}}, type);
}

}  // namespace clawrl
