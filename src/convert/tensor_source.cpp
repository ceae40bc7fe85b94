#include "convert/tensor_source.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.hpp"
#include "core/line_tensors.hpp"
#include "model/merge.hpp"
#include "model/safetensors.hpp"
#include "model/weight_layout.hpp"

namespace clawrl {
namespace {

const std::string adapter_prefix = "base_model.model.";

/// The weights of a model folder by name, without a stored copy of tied embeddings.
struct BaseWeights {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::map<std::string, const ParameterView*> tensors;

  BaseWeights(const std::string& folder, const ModelConfig& config) : files(open_model_folder(folder)) {
    std::vector<ParameterView> all;
    for (const auto& file : files) all.insert(all.end(), file->tensors().begin(), file->tensors().end());
    check_tensors(all, config, folder);
    for (const auto& file : files)
      for (const ParameterView& view : file->tensors()) tensors.emplace(view.name, &view);
    if (config.tied_embeddings) tensors.erase("lm_head.weight");
  }
};

/// An adapter in memory (it is small), its tensors by the weight that they change.
struct Adapter {
  std::vector<std::vector<float>> values;
  std::map<std::string, std::vector<ParameterView>> of_weight;  // A and B
};

/// Weights of the line, under their names without it.
std::vector<ParameterView> stored_tensors(const Checkpoint& checkpoint, bool adapter,
                                          const std::string& line = "main") {
  std::vector<ParameterView> found;
  for (const auto& shard : checkpoint.shards)
    for (const TensorInfo& tensor : shard.tensors) {
      if (line_of_tensor(tensor.name) != line) continue;
      const std::string name = tensor.name.substr(line_prefix(line).size());
      if (!name.starts_with("adam.") && name.starts_with(adapter_prefix) == adapter)
        found.push_back({name, tensor.type, tensor.shape, nullptr, MemorySpace::host});
    }
  std::sort(found.begin(), found.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
  return found;
}

void load_line(const Checkpoint& checkpoint, const std::string& line, std::span<const ParameterView> into) {
  std::vector<ParameterView> views(into.begin(), into.end());
  for (ParameterView& view : views) view.name = line_prefix(line) + view.name;
  load_tensors(checkpoint, views);
}

/// Module of an adapter's tensor: "model.layers.0.mlp.up_proj" of "base_model.model.(module).lora_A.weight".
std::string module_of(const std::string& name, const std::string& where) {
  for (const char* end : {".lora_A.weight", ".lora_B.weight"})
    if (name.ends_with(end))
      return name.substr(adapter_prefix.size(), name.size() - adapter_prefix.size() - std::string(end).size());
  throw UserError(where + ": tensor " + name + " is neither a lora_A nor a lora_B");
}

Adapter load_adapter(const TensorSource& source, const BaseWeights& base, const ModelConfig& config,
                     const LoraConfig& lora, const std::string& where) {
  auto views = source.tensors;
  check_adapter(views, config, lora, where);
  Adapter adapter;
  for (ParameterView& view : views) {
    view.data = adapter.values.emplace_back(static_cast<std::size_t>(view.elements())).data();
    const std::string weight = module_of(view.name, where) + ".weight";
    require(base.tensors.contains(weight), "the base folder has no tensor " + weight + ", which the adapter changes");
    adapter.of_weight[weight].push_back(view);
  }
  source.read(views);
  return adapter;
}

/// A [r,in] is stacked by rows, B [out,r] by columns.
std::size_t stacked_axis(const ParameterView& tensor) {
  return tensor.name.ends_with(".lora_A.weight") ? 0 : 1;
}

/// `into` has twice the extent of either along the axis.
void read_stacked(const Checkpoint& checkpoint, const std::string& line, const ParameterView& into) {
  std::vector<std::byte> parts[2];
  ParameterView half = into;
  half.shape.at(stacked_axis(into)) /= 2;
  const std::string lines[] = {"main", line};
  for (int part : {0, 1}) {
    parts[part].resize(half.bytes());
    half.data = parts[part].data();
    load_line(checkpoint, lines[part], {&half, 1});
  }
  const std::size_t rows = stacked_axis(into) == 0 ? 1 : static_cast<std::size_t>(into.shape[0]);
  const std::size_t size = half.bytes() / rows;
  auto* to = static_cast<std::byte*>(into.data);
  for (std::size_t row = 0; row < rows; ++row)
    for (const auto& part : parts) to = std::copy_n(part.data() + row * size, size, to);
}

/// merge_adapter() for one weight alone, so that no more than that is in memory.
void merge_one(const ParameterView& weight, const std::vector<ParameterView>& factors, ModelConfig config,
               LoraConfig lora) {
  config.num_layers = 1;
  lora.targets.resize(1);
  merge_adapter(config, {&weight, 1}, lora, factors);
}

bool may_be_extra(const std::string& name, const ModelConfig& config) {
  return (config.tied_embeddings && name == "lm_head.weight") || name.ends_with(".rotary_emb.inv_freq");
}

}  // namespace

void check_tensors(std::span<const ParameterView> tensors, const ModelConfig& config, const std::string& where) {
  const ParameterLayout layout = weight_layout(config);
  std::map<std::string, const ParameterSlot*> wanted;
  for (const ParameterSlot& slot : layout.slots) wanted.emplace(slot.name, &slot);
  std::set<std::string> seen;
  for (const ParameterView& tensor : tensors) {
    require(seen.insert(tensor.name).second, where + ": tensor " + tensor.name + " is there twice");
    const auto at = wanted.find(tensor.name);
    require(at != wanted.end() || may_be_extra(tensor.name, config),
            where + ": tensor " + tensor.name + " belongs to no part of the " + config.architecture +
                " that config.json describes");
    if (at == wanted.end()) continue;
    require(at->second->shape == tensor.shape,
            where + ": tensor " + tensor.name + " has another shape than config.json asks for");
    const bool real = tensor.type == DType::f32 || tensor.type == DType::bf16 || tensor.type == DType::f16;
    require(real, where + ": tensor " + tensor.name + " has type " + name(tensor.type) +
                      "; allowed for weights: f32, bf16, f16");
    wanted.erase(at);
  }
  require(wanted.empty(), where + ": lacks tensor " + (wanted.empty() ? "" : wanted.begin()->first));
}

void check_adapter(std::span<const ParameterView> tensors, const ModelConfig& config, const LoraConfig& lora,
                   const std::string& where) {
  std::map<std::string, std::vector<std::int64_t>> wanted;
  for (std::int64_t layer = 0; layer < config.num_layers; ++layer)
    for (const Projection& p : projections(config)) {
      if (std::find(lora.targets.begin(), lora.targets.end(), p.name) == lora.targets.end()) continue;
      const std::string module = adapter_prefix + layer_prefix(layer) + p.block + "." + p.name;
      wanted[module + ".lora_A.weight"] = {lora.rank, p.in};
      wanted[module + ".lora_B.weight"] = {p.out, lora.rank};
    }
  for (const ParameterView& tensor : tensors) {
    const auto at = wanted.find(tensor.name);
    require(at != wanted.end(), where + ": tensor " + tensor.name + " belongs to none of trainer.lora_targets");
    require(at->second == tensor.shape, where + ": tensor " + tensor.name +
                                            " has another shape than the base folder and trainer.lora_rank ask for");
    require(tensor.type == DType::f32, where + ": tensor " + tensor.name + " is not f32");
    wanted.erase(at);
  }
  require(wanted.empty(), where + ": its adapter lacks tensor " + (wanted.empty() ? "" : wanted.begin()->first));
}

TensorSource checkpoint_source(const Checkpoint& checkpoint, const ModelConfig& config) {
  TensorSource source;
  source.tensors = stored_tensors(checkpoint, false);
  require(!source.tensors.empty(), "checkpoint " + checkpoint.path + ": holds no weights of a model");
  check_tensors(source.tensors, config, "checkpoint " + checkpoint.path);
  source.read = [checkpoint](std::span<const ParameterView> views) { load_tensors(checkpoint, views); };
  return source;
}

TensorSource merged_source(const TensorSource& adapter_source, const std::string& base, const ModelConfig& config,
                           const LoraConfig& lora, const std::string& where) {
  auto weights = std::make_shared<BaseWeights>(base, config);
  auto adapter = std::make_shared<Adapter>(load_adapter(adapter_source, *weights, config, lora, where));
  TensorSource source;
  for (const auto& [name, stored] : weights->tensors)
    source.tensors.push_back({name, DType::f32, stored->shape, nullptr, MemorySpace::host});
  source.read = [weights, adapter, config, lora](std::span<const ParameterView> views) {
    for (const ParameterView& view : views) {
      convert(*weights->tensors.at(view.name), view);
      if (const auto factors = adapter->of_weight.find(view.name); factors != adapter->of_weight.end())
        merge_one(view, factors->second, config, lora);
    }
  };
  return source;
}

TensorSource adapter_source(const Checkpoint& checkpoint, const std::string& line) {
  TensorSource source;
  source.tensors = stored_tensors(checkpoint, true, line);
  source.read = [checkpoint, line](std::span<const ParameterView> views) { load_line(checkpoint, line, views); };
  return source;
}

TensorSource stacked_source(const Checkpoint& checkpoint, const std::string& line) {
  TensorSource source = adapter_source(checkpoint, line);
  for (ParameterView& tensor : source.tensors) tensor.shape.at(stacked_axis(tensor)) *= 2;
  source.read = [checkpoint, line](std::span<const ParameterView> views) {
    for (const ParameterView& view : views) read_stacked(checkpoint, line, view);
  };
  return source;
}

}  // namespace clawrl
