#include "convert/tensor_source.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/error.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

const std::string adapter_prefix = "base_model.model.";

/// The weights of a model folder by name, without a stored copy of tied embeddings.
struct BaseWeights {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::map<std::string, const ParameterView*> tensors;

  BaseWeights(const std::string& folder, const ModelConfig& config) : files(open_model_folder(folder)) {
    for (const auto& file : files)
      for (const ParameterView& view : file->tensors())
        require(tensors.emplace(view.name, &view).second,
                folder + ": tensor " + view.name + " is in two files");
    if (config.tied_embeddings) tensors.erase("lm_head.weight");
  }
};

struct Pair {
  std::vector<float> a, b;
  std::int64_t rank = 0, in = 0, out = 0;
};

std::vector<ParameterView> stored_tensors(const Checkpoint& checkpoint, bool adapter) {
  std::vector<ParameterView> found;
  for (const auto& shard : checkpoint.shards)
    for (const TensorInfo& tensor : shard.tensors)
      if (!tensor.name.starts_with("adam.") && tensor.name.starts_with(adapter_prefix) == adapter)
        found.push_back({tensor.name, tensor.type, tensor.shape, nullptr, MemorySpace::host});
  std::sort(found.begin(), found.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
  return found;
}

bool has_weights(const std::string& folder) {
  return std::filesystem::exists(folder + "/model.safetensors") ||
         std::filesystem::exists(folder + "/model.safetensors.index.json");
}

void check_complete(const TensorSource& source, const Checkpoint& checkpoint, const std::string& base,
                    const ModelConfig& config) {
  auto wanted = BaseWeights(base, config).tensors;
  for (const ParameterView& tensor : source.tensors) {
    const auto at = wanted.find(tensor.name);
    require(at != wanted.end() || (config.tied_embeddings && tensor.name == "lm_head.weight"),
            "checkpoint " + checkpoint.path + ": tensor " + tensor.name + " is none of the base folder " + base);
    if (at == wanted.end()) continue;
    require(at->second->shape == tensor.shape,
            "checkpoint " + checkpoint.path + ": tensor " + tensor.name + " has another shape than in the base folder " + base);
    wanted.erase(at);
  }
  require(wanted.empty(), "checkpoint " + checkpoint.path + ": lacks tensor " +
                              (wanted.empty() ? "" : wanted.begin()->first) + " of the base folder " + base);
}

/// Module of an adapter's tensor: "model.layers.0.mlp.up_proj" of "base_model.model.(module).lora_A.weight".
std::string module_of(const std::string& name, const std::string& checkpoint) {
  for (const char* end : {".lora_A.weight", ".lora_B.weight"})
    if (name.ends_with(end))
      return name.substr(adapter_prefix.size(), name.size() - adapter_prefix.size() - std::string(end).size());
  throw UserError("checkpoint " + checkpoint + ": tensor " + name + " is neither a lora_A nor a lora_B");
}

/// What is added to each weight, all in memory: an adapter is small.
std::map<std::string, Pair> pairs_of(const Checkpoint& checkpoint, const BaseWeights& base, const LoraConfig& lora) {
  std::map<std::string, Pair> pairs;
  std::vector<ParameterView> views = stored_tensors(checkpoint, true);
  for (ParameterView& view : views) {
    const bool is_a = view.name.ends_with("lora_A.weight");
    require(view.type == DType::f32 && view.shape.size() == 2 && view.shape[is_a ? 0 : 1] == lora.rank,
            "checkpoint " + checkpoint.path + ": tensor " + view.name + " does not fit trainer.lora_rank " +
                std::to_string(lora.rank));
    Pair& pair = pairs[module_of(view.name, checkpoint.path) + ".weight"];
    pair.rank = lora.rank;
    (is_a ? pair.in : pair.out) = view.shape[is_a ? 1 : 0];
    std::vector<float>& values = is_a ? pair.a : pair.b;
    values.resize(static_cast<std::size_t>(view.elements()));
    view.data = values.data();
  }
  load_tensors(checkpoint, views);
  for (const auto& [name, pair] : pairs) {
    const auto at = base.tensors.find(name);
    require(at != base.tensors.end(), "the base folder has no tensor " + name + ", which the adapter changes");
    require(at->second->shape == std::vector<std::int64_t>{pair.out, pair.in},
            "tensor " + name + " of the base folder has another shape than the adapter's A and B give");
  }
  return pairs;
}

/// weight [out, in] += scale B [out, rank] A [rank, in]
void add_product(float* weight, const Pair& pair, float scale) {
  for (std::int64_t o = 0; o < pair.out; ++o) {
    float* row = weight + o * pair.in;
    for (std::int64_t r = 0; r < pair.rank; ++r) {
      const float factor = scale * pair.b[static_cast<std::size_t>(o * pair.rank + r)];
      const float* a = pair.a.data() + r * pair.in;
      for (std::int64_t i = 0; i < pair.in; ++i) row[i] += factor * a[i];
    }
  }
}

}  // namespace

TensorSource checkpoint_source(const Checkpoint& checkpoint, const std::string& base, const ModelConfig& config) {
  TensorSource source;
  source.tensors = stored_tensors(checkpoint, false);
  require(!source.tensors.empty(), "checkpoint " + checkpoint.path + ": holds no weights of a model");
  if (has_weights(base)) check_complete(source, checkpoint, base, config);
  source.read = [checkpoint](std::span<const ParameterView> views) { load_tensors(checkpoint, views); };
  return source;
}

TensorSource merged_source(const Checkpoint& checkpoint, const std::string& base, const ModelConfig& config,
                           const LoraConfig& lora) {
  auto weights = std::make_shared<BaseWeights>(base, config);
  auto pairs = std::make_shared<std::map<std::string, Pair>>(pairs_of(checkpoint, *weights, lora));
  TensorSource source;
  for (const auto& [name, stored] : weights->tensors)
    source.tensors.push_back({name, DType::f32, stored->shape, nullptr, MemorySpace::host});
  source.read = [weights, pairs, scale = static_cast<float>(lora.scaling())](auto views) {
    for (const ParameterView& view : views) {
      convert(*weights->tensors.at(view.name), view);
      if (const auto pair = pairs->find(view.name); pair != pairs->end())
        add_product(static_cast<float*>(view.data), pair->second, scale);
    }
  };
  return source;
}

TensorSource adapter_source(const Checkpoint& checkpoint) {
  TensorSource source;
  source.tensors = stored_tensors(checkpoint, true);
  source.read = [checkpoint](std::span<const ParameterView> views) { load_tensors(checkpoint, views); };
  return source;
}

}  // namespace clawrl
