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

}  // namespace

void read_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views) {
  const auto files = open_model_folder(folder);
  std::map<std::string, const ParameterView*> stored;
  for (const auto& file : files)
    for (const auto& tensor : file->tensors())
      require(stored.emplace(tensor.name, &tensor).second, folder + ": tensor " + tensor.name + " is in two files");
  if (config.tied_embeddings) stored.erase("lm_head.weight");
  for (const auto& view : views) {
    const auto at = stored.find(view.name);
    require(at != stored.end(), folder + ": tensor " + view.name + " is missing");
    const auto& tensor = *at->second;
    require(tensor.shape == view.shape, folder + ": tensor " + view.name + " has shape " + shape_text(tensor.shape) +
                                            ", config.json asks for " + shape_text(view.shape));
    convert(tensor, view);
    stored.erase(at);
  }
  if (!stored.empty()) throw UserError(folder + ": tensor " + stored.begin()->first + " belongs to no part of a qwen3");
}

void save_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views,
                  DType type) {
  require(type == DType::f32 || type == DType::bf16,
          std::string("weights cannot be saved as ") + name(type) + "; allowed: f32, bf16");
  write_model_config(config, folder);
  std::vector<ParameterView> tensors;
  std::vector<std::vector<char>> converted;
  for (const auto& view : views) {
    tensors.push_back(view);
    if (view.type == type) continue;
    tensors.back().type = type;
    converted.emplace_back(tensors.back().bytes());
    tensors.back().data = converted.back().data();
    convert(view, tensors.back());
  }
  write_safetensors(folder + "/model.safetensors", tensors);
}

}  // namespace clawrl
