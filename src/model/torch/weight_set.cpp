#include "model/torch/weight_set.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "core/error.hpp"

namespace clawrl {

namespace {

at::Tensor bound(const ParameterLayout& layout, ParameterSlot slot, const FlatWeights& flat) {
  if (slot.offset < layout.matrices) return slot_tensor(slot, flat.matrices);
  slot.offset -= layout.matrices;
  return slot_tensor(slot, flat.vectors);
}

// Joined slots as one tensor: the first one's place with the rows of all.
at::Tensor fused_tensor(const ParameterLayout& layout, const std::string& first, const std::string& last,
                        const FlatWeights& flat) {
  const auto& begin = layout.at(first);
  const auto& end = layout.at(last);
  auto shape = begin.shape;
  const auto columns = shape.size() > 1 ? shape[1] : 1;
  shape[0] = (end.offset - begin.offset) / columns + end.shape[0];
  return bound(layout, {first, shape, begin.offset}, flat);
}

// The slots of a layer's experts lie behind that of its router. There may be thousands: no search by name.
ExpertLayer bind_experts(const ExpertConfig& config, const ParameterLayout& layout, const ParameterSlot& router,
                         const FlatWeights& flat) {
  ExpertLayer layer{bound(layout, router, flat), {}};
  const auto* slot = &router + 1;
  for (std::int64_t e = 0; e < config.count; ++e, slot += 3) {
    const auto rows = slot[0].shape[0] + slot[1].shape[0];
    layer.experts.push_back(
        {bound(layout, {slot[0].name, {rows, slot[0].shape[1]}, slot[0].offset}, flat), bound(layout, slot[2], flat)});
  }
  return layer;
}

LayerWeights bind_layer(const ModelConfig& config, const ParameterLayout& layout, const FlatWeights& flat,
                        std::int64_t index) {
  const auto prefix = layer_prefix(index);
  auto slot = [&](const std::string& name) { return bound(layout, layout.at(prefix + name), flat); };
  auto fused = [&](const std::string& first, const std::string& last) {
    return fused_tensor(layout, prefix + first, prefix + last, flat);
  };
  LayerWeights layer;
  layer.input_norm = slot("input_layernorm.weight");
  layer.qkv = fused("self_attn.q_proj.weight", "self_attn.v_proj.weight");
  if (config.qkv_bias) layer.qkv_bias = fused("self_attn.q_proj.bias", "self_attn.v_proj.bias");
  if (config.qk_norm) layer.q_norm = slot("self_attn.q_norm.weight");
  if (config.qk_norm) layer.k_norm = slot("self_attn.k_norm.weight");
  layer.o = slot("self_attn.o_proj.weight");
  if (config.o_bias) layer.o_bias = slot("self_attn.o_proj.bias");
  layer.post_norm = slot("post_attention_layernorm.weight");
  if (config.experts.in(index)) {
    layer.mixture = bind_experts(config.experts, layout, layout.at(prefix + "mlp.gate.weight"), flat);
    return layer;
  }
  layer.gate_up = fused("mlp.gate_proj.weight", "mlp.up_proj.weight");
  if (config.mlp_bias) layer.gate_up_bias = fused("mlp.gate_proj.bias", "mlp.up_proj.bias");
  layer.down = slot("mlp.down_proj.weight");
  if (config.mlp_bias) layer.down_bias = slot("mlp.down_proj.bias");
  return layer;
}

}  // namespace

FlatWeights split_flat(const ModelConfig& config, const at::Tensor& flat, at::ScalarType matrix_type) {
  const auto layout = weight_layout(config);
  expect(flat.numel() == layout.size && flat.is_contiguous(), "flat buffer does not fit the model's parameter layout");
  const auto matrices = flat.narrow(0, 0, layout.matrices);
  const auto vectors = flat.narrow(0, layout.matrices, layout.size - layout.matrices);
  if (matrix_type == at::kFloat) return {matrices, vectors};
  return {matrices.to(matrix_type), vectors.clone()};
}

FlatWeights flat_weights(const std::shared_ptr<const WeightImage>& image, at::Device device) {
  const auto view = [&](const void* data, std::int64_t count, at::ScalarType type) {
    const auto keep = [image](void*) {};  // the tensor keeps the image
    return at::from_blob(const_cast<void*>(data), {count}, keep, at::TensorOptions(type)).to(device);
  };
  const auto& layout = image->layout();
  return {view(image->matrices(), layout.matrices, image->matrix_type() == DType::bf16 ? at::kBFloat16 : at::kFloat),
          view(image->vectors(), layout.size - layout.matrices, at::kFloat)};
}

WeightSet bind_weights(const ModelConfig& config, const FlatWeights& flat) {
  const auto layout = weight_layout(config);
  const auto slot = [&](const char* name) { return bound(layout, layout.at(name), flat); };
  WeightSet set;
  set.embed = slot("model.embed_tokens.weight");
  set.lm_head = config.tied_embeddings ? set.embed : slot("lm_head.weight");
  set.final_norm = slot("model.norm.weight");
  for (std::int64_t i = 0; i < config.num_layers; ++i) set.layers.push_back(bind_layer(config, layout, flat, i));
  return set;
}

WeightSet bind_weights(const ModelConfig& config, const at::Tensor& flat) {
  return bind_weights(config, split_flat(config, flat, at::kFloat));
}

at::Tensor random_weights(const ModelConfig& config, std::uint64_t seed) {
  const auto layout = weight_layout(config);
  auto flat = at::zeros({layout.size}, at::kFloat);
  auto generator = at::detail::createCPUGenerator(seed);
  for (const auto& slot : layout.slots) {
    auto tensor = slot_tensor(slot, flat);
    if (tensor.dim() == 1) {
      tensor.fill_(slot.name.ends_with(".bias") ? 0.0 : 1.0);
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
  for (const auto& l : weights.layers) {
    for (const auto& tensor : {l.input_norm, l.qkv, l.qkv_bias, l.q_norm, l.k_norm, l.o, l.o_bias, l.post_norm,
                               l.gate_up, l.gate_up_bias, l.down, l.down_bias, l.mixture.router})
      if (tensor.defined()) all.push_back(tensor);
    for (const auto& expert : l.mixture.experts) all.insert(all.end(), {expert.gate_up, expert.down});
  }
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

namespace {

struct Place {
  const at::Tensor* tensor;
  std::int64_t row;  // of the fused tensor
};

// `rest`: <expert>.gate_proj and so on
Place place_of(const ExpertConfig& config, const ExpertLayer& layer, const std::string& rest) {
  const auto& expert = layer.experts.at(std::stoul(rest));
  const auto name = rest.substr(rest.find('.') + 1);
  if (name == "gate_proj") return {&expert.gate_up, 0};
  if (name == "up_proj") return {&expert.gate_up, config.intermediate_size};
  if (name == "down_proj") return {&expert.down, 0};
  throw InternalError("no parameter named " + name + " in an expert");
}

// `key`: a parameter's name without the layer's prefix.
Place place_of(const ModelConfig& c, const LayerWeights& l, const std::string& key) {
  if (key == "input_layernorm.weight") return {&l.input_norm, 0};
  if (key == "post_attention_layernorm.weight") return {&l.post_norm, 0};
  if (key == "self_attn.q_norm.weight") return {&l.q_norm, 0};
  if (key == "self_attn.k_norm.weight") return {&l.k_norm, 0};
  static const std::string experts = "mlp.experts.";
  const auto dot = key.rfind('.');
  const auto name = key.substr(0, dot);
  const bool bias = key.substr(dot) == ".bias";
  const auto q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  const auto *qkv = bias ? &l.qkv_bias : &l.qkv, *gate_up = bias ? &l.gate_up_bias : &l.gate_up;
  if (name == "self_attn.q_proj") return {qkv, 0};
  if (name == "self_attn.k_proj") return {qkv, q};
  if (name == "self_attn.v_proj") return {qkv, q + kv};
  if (name == "self_attn.o_proj") return {bias ? &l.o_bias : &l.o, 0};
  if (name == "mlp.gate") return {&l.mixture.router, 0};
  if (name.starts_with(experts)) return place_of(c.experts, l.mixture, name.substr(experts.size()));
  if (name == "mlp.gate_proj") return {gate_up, 0};
  if (name == "mlp.up_proj") return {gate_up, c.intermediate_size};
  if (name == "mlp.down_proj") return {bias ? &l.down_bias : &l.down, 0};
  throw InternalError("no parameter named " + key + " in a layer");
}

Place place_of(const ModelConfig& config, const WeightSet& weights, const std::string& name) {
  if (name == "model.embed_tokens.weight") return {&weights.embed, 0};
  if (name == "lm_head.weight") return {&weights.lm_head, 0};
  if (name == "model.norm.weight") return {&weights.final_norm, 0};
  const auto rest = name.substr(layer_prefix(0).find('0'));
  return place_of(config, weights.layers.at(std::stoul(rest)), rest.substr(rest.find('.') + 1));
}

}  // namespace

std::vector<ParameterView> parameter_views(const ModelConfig& config, const WeightSet& weights) {
  std::vector<ParameterView> views;
  const auto space = weights.embed.is_cuda() ? MemorySpace::cuda : MemorySpace::host;
  for (const auto& slot : weight_layout(config).slots) {
    const auto [tensor, row] = place_of(config, weights, slot.name);
    const auto type = tensor->scalar_type() == at::kBFloat16 ? DType::bf16 : DType::f32;
    auto* data =
        static_cast<char*>(tensor->data_ptr()) + static_cast<std::size_t>(row * tensor->stride(0)) * size_of(type);
    views.push_back({slot.name, type, slot.shape, data, space});
  }
  return views;
}

}  // namespace clawrl
