#include "model/torch/weight_set.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "core/error.hpp"
#include "model/model_folder.hpp"

namespace clawrl {

ParameterLayout weight_layout(const ModelConfig& config) {
  ParameterLayout layout;
  const auto hidden = config.hidden_size;
  layout.add("model.embed_tokens.weight", {config.vocab_size, hidden});
  if (!config.tied_embeddings) layout.add("lm_head.weight", {config.vocab_size, hidden});
  for (std::int64_t i = 0; i < config.num_layers; ++i)
    for (const auto& p : projections(config))
      layout.add(layer_prefix(i) + p.block + "." + p.name + ".weight", {p.out, p.in});
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    layout.add(layer_prefix(i) + "input_layernorm.weight", {hidden});
    layout.add(layer_prefix(i) + "self_attn.q_norm.weight", {config.head_dim});
    layout.add(layer_prefix(i) + "self_attn.k_norm.weight", {config.head_dim});
    layout.add(layer_prefix(i) + "post_attention_layernorm.weight", {hidden});
  }
  layout.add("model.norm.weight", {hidden});
  return layout;
}

namespace {

// Neighbouring slots of one fused matrix: the first one's place with more rows. Rows times columns of each part must
// be a multiple of the alignment, else there would be padding in between.
at::Tensor fused_tensor(const ParameterLayout& layout, const std::string& first, const std::string& last,
                        const at::Tensor& flat) {
  const auto& begin = layout.at(first);
  const auto& end = layout.at(last);
  const auto columns = begin.shape[1];
  const auto elements = end.offset + end.shape[0] * columns - begin.offset;
  require(elements % columns == 0 && (begin.shape[0] * columns) % 16 == 0 && (end.shape[0] * columns) % 16 == 0,
          "model shape: the size of " + first + " must be a multiple of 16 elements");
  return slot_tensor({first, {elements / columns, columns}, begin.offset}, flat);
}

LayerWeights bind_layer(const ParameterLayout& layout, const at::Tensor& flat, std::int64_t index) {
  const auto prefix = layer_prefix(index);
  auto slot = [&](const std::string& name) { return slot_tensor(layout.at(prefix + name + ".weight"), flat); };
  auto fused = [&](const std::string& first, const std::string& last) {
    return fused_tensor(layout, prefix + first + ".weight", prefix + last + ".weight", flat);
  };
  LayerWeights layer;
  layer.input_norm = slot("input_layernorm");
  layer.qkv = fused("self_attn.q_proj", "self_attn.v_proj");
  layer.q_norm = slot("self_attn.q_norm");
  layer.k_norm = slot("self_attn.k_norm");
  layer.o = slot("self_attn.o_proj");
  layer.post_norm = slot("post_attention_layernorm");
  layer.gate_up = fused("mlp.gate_proj", "mlp.up_proj");
  layer.down = slot("mlp.down_proj");
  return layer;
}

}  // namespace

WeightSet bind_weights(const ModelConfig& config, const at::Tensor& flat) {
  const auto layout = weight_layout(config);
  expect(flat.numel() == layout.size && flat.is_contiguous(), "flat buffer does not fit the model's parameter layout");
  WeightSet set;
  set.embed = slot_tensor(layout.at("model.embed_tokens.weight"), flat);
  set.lm_head = config.tied_embeddings ? set.embed : slot_tensor(layout.at("lm_head.weight"), flat);
  set.final_norm = slot_tensor(layout.at("model.norm.weight"), flat);
  for (std::int64_t i = 0; i < config.num_layers; ++i) set.layers.push_back(bind_layer(layout, flat, i));
  return set;
}

at::Tensor load_weights(const std::string& folder, const ModelConfig& config) {
  const auto layout = weight_layout(config);
  auto flat = at::zeros({layout.size}, at::kFloat);
  read_weights(folder, config, parameter_views(layout, flat));
  return flat;
}

at::Tensor random_weights(const ModelConfig& config, std::uint64_t seed) {
  const auto layout = weight_layout(config);
  auto flat = at::zeros({layout.size}, at::kFloat);
  auto generator = at::detail::createCPUGenerator(seed);
  for (const auto& slot : layout.slots) {
    auto tensor = slot_tensor(slot, flat);
    if (tensor.dim() == 1) {
      tensor.fill_(1.0);
      continue;
    }
    const bool residual = slot.name.ends_with("o_proj.weight") || slot.name.ends_with("down_proj.weight");
    const double deviation = residual ? 0.02 / std::sqrt(2.0 * static_cast<double>(config.num_layers)) : 0.02;
    tensor.normal_(0.0, deviation, generator);
  }
  return flat;
}

std::vector<at::Tensor> leaves(const WeightSet& weights) {
  std::vector<at::Tensor> all{weights.embed};
  if (!weights.lm_head.is_same(weights.embed)) all.push_back(weights.lm_head);
  for (const auto& l : weights.layers)
    all.insert(all.end(), {l.input_norm, l.qkv, l.q_norm, l.k_norm, l.o, l.post_norm, l.gate_up, l.down});
  all.push_back(weights.final_norm);
  return all;
}

void track_gradients(const ModelConfig& config, WeightSet& weights, const at::Tensor& flat_grad) {
  const auto parameters = leaves(weights);
  const auto gradients = leaves(bind_weights(config, flat_grad));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].set_requires_grad(true);
    parameters[i].mutable_grad() = gradients[i];
  }
}

std::vector<ParameterView> parameter_views(const ModelConfig& config, const WeightSet& weights) {
  std::vector<ParameterView> views;
  const auto space = weights.embed.is_cuda() ? MemorySpace::cuda : MemorySpace::host;
  auto add = [&](const std::string& name, std::vector<std::int64_t> shape, const at::Tensor& from, std::int64_t row) {
    views.push_back({name, DType::f32, std::move(shape), from.data_ptr<float>() + row * from.stride(0), space});
  };
  for (const auto& slot : weight_layout(config).slots) {
    if (slot.name == "model.embed_tokens.weight") add(slot.name, slot.shape, weights.embed, 0);
    if (slot.name == "lm_head.weight") add(slot.name, slot.shape, weights.lm_head, 0);
    if (slot.name == "model.norm.weight") add(slot.name, slot.shape, weights.final_norm, 0);
    if (!slot.name.starts_with("model.layers.")) continue;
    const auto rest = slot.name.substr(13);
    const auto& l = weights.layers.at(std::stoul(rest));
    const auto q = config.num_heads * config.head_dim, kv = config.num_kv_heads * config.head_dim;
    const auto key = rest.substr(rest.find('.') + 1);
    if (key == "self_attn.q_proj.weight") add(slot.name, slot.shape, l.qkv, 0);
    if (key == "self_attn.k_proj.weight") add(slot.name, slot.shape, l.qkv, q);
    if (key == "self_attn.v_proj.weight") add(slot.name, slot.shape, l.qkv, q + kv);
    if (key == "self_attn.o_proj.weight") add(slot.name, slot.shape, l.o, 0);
    if (key == "mlp.gate_proj.weight") add(slot.name, slot.shape, l.gate_up, 0);
    if (key == "mlp.up_proj.weight") add(slot.name, slot.shape, l.gate_up, config.intermediate_size);
    if (key == "mlp.down_proj.weight") add(slot.name, slot.shape, l.down, 0);
    if (key == "input_layernorm.weight") add(slot.name, slot.shape, l.input_norm, 0);
    if (key == "self_attn.q_norm.weight") add(slot.name, slot.shape, l.q_norm, 0);
    if (key == "self_attn.k_norm.weight") add(slot.name, slot.shape, l.k_norm, 0);
    if (key == "post_attention_layernorm.weight") add(slot.name, slot.shape, l.post_norm, 0);
  }
  return views;
}

}  // namespace clawrl
