#include "model/model_folder.hpp"

#include <filesystem>
#include <map>

#include "core/checksum.hpp"
#include "core/error.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (auto extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

bool is_weight_type(DType type) {
  return type == DType::f32 || type == DType::bf16 || type == DType::f16;
}

struct Stored {
  const SafetensorsFile* file;
  const ParameterView* tensor;
};

/// The stored tensor of every view, in the views' order.
std::vector<Stored> match(const std::string& folder, const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                          const ModelConfig& config, std::span<const ParameterView> views) {
  std::map<std::string, Stored> stored;
  for (const auto& file : files)
    for (const auto& tensor : file->tensors())
      require(stored.emplace(tensor.name, Stored{file.get(), &tensor}).second,
              folder + ": tensor " + tensor.name + " is in two files");
  if (config.tied_embeddings) stored.erase("lm_head.weight");
  std::vector<Stored> matched;
  for (const auto& view : views) {
    const auto at = stored.find(view.name);
    require(at != stored.end(), folder + ": tensor " + view.name + " is missing");
    const auto& tensor = *at->second.tensor;
    require(tensor.shape == view.shape, folder + ": tensor " + view.name + " has shape " + shape_text(tensor.shape) +
                                            ", config.json asks for " + shape_text(view.shape));
    require(is_weight_type(tensor.type), folder + ": tensor " + view.name + " has type " + name(tensor.type) +
                                             "; allowed for weights: f32, bf16, f16");
    matched.push_back(at->second);
    stored.erase(at);
  }
  for (const auto& [tensor, where] : stored)
    require(tensor.ends_with(".rotary_emb.inv_freq"),  // a constant that older folders keep
            folder + ": tensor " + tensor + " belongs to no part of a " + config.architecture);
  return matched;
}

}  // namespace

void read_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views) {
  const auto files = open_model_folder(folder);
  const auto matched = match(folder, files, config, views);
  for (std::size_t i = 0; i < views.size(); ++i)
    matched[i].file->for_pieces(*matched[i].tensor, [&](const ParameterView& piece, std::int64_t begin) {
      convert(piece, part_of(views[i], begin, piece.elements()));
    });
}

std::string read_weights_hashed(const std::string& folder, const ModelConfig& config,
                                std::span<const ParameterView> views) {
  const auto files = open_model_folder(folder);
  const auto matched = match(folder, files, config, views);
  WeightsHasher hasher;
  std::vector<float> wide;
  for (std::size_t i = 0; i < views.size(); ++i) {
    hasher.start(views[i].name, views[i].shape);
    matched[i].file->for_pieces(*matched[i].tensor, [&](const ParameterView& piece, std::int64_t begin) {
      const auto count = piece.elements();
      const auto to = part_of(views[i], begin, count);
      if (to.type != DType::f32) wide.resize(static_cast<std::size_t>(count));
      const auto as_float = to.type == DType::f32 ? to : ParameterView{to.name, DType::f32, {count}, wide.data()};
      convert(piece, as_float);
      hasher.add({static_cast<const std::byte*>(as_float.data), as_float.bytes()});
      if (to.type != DType::f32) convert(as_float, to);
    });
  }
  return hasher.text();
}

void save_weights(const std::string& folder, const ModelConfig& config, std::span<const ParameterView> views,
                  DType type) {
  require(type == DType::f32 || type == DType::bf16,
          std::string("weights cannot be saved as ") + name(type) + "; allowed: f32, bf16");
  auto stored = config;
  stored.dtype = type;
  write_model_config(stored, folder);
  write_safetensors(folder + "/model.safetensors", {views.begin(), views.end()}, {{"format", "pt"}}, type);
}

}  // namespace clawrl
