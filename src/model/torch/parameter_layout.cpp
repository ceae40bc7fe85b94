#include "model/torch/parameter_layout.hpp"

#include <ATen/ATen.h>

#include <utility>

#include "core/error.hpp"

namespace clawrl {

namespace {

std::int64_t elements_of(const std::vector<std::int64_t>& shape) {
  std::int64_t elements = 1;
  for (auto extent : shape) elements *= extent;
  return elements;
}

}  // namespace

void ParameterLayout::add(std::string name, std::vector<std::int64_t> shape, bool joined) {
  constexpr std::int64_t align = 16;
  const auto end = slots.empty() ? 0 : slots.back().offset + elements_of(slots.back().shape);
  const auto offset = joined ? end : size;
  const bool is_matrix = shape.size() > 1;
  expect(!is_matrix || matrices == size, "parameter layout: 2-D parameters come before 1-D ones: " + name);
  const auto elements = elements_of(shape);
  slots.push_back({std::move(name), std::move(shape), offset});
  size = (offset + elements + align - 1) / align * align;
  if (is_matrix) matrices = size;
}

const ParameterSlot& ParameterLayout::at(const std::string& name) const {
  for (const auto& slot : slots)
    if (slot.name == name) return slot;
  throw InternalError("no parameter named " + name);
}

std::vector<ParameterView> parameter_views(const ParameterLayout& layout, const at::Tensor& flat) {
  expect(flat.numel() == layout.size && flat.is_contiguous(), "flat buffer does not fit the parameter layout");
  const auto space = flat.is_cuda() ? MemorySpace::cuda : MemorySpace::host;
  std::vector<ParameterView> views;
  for (const auto& slot : layout.slots)
    views.push_back({slot.name, DType::f32, slot.shape, flat.data_ptr<float>() + slot.offset, space});
  return views;
}

at::Tensor slot_tensor(const ParameterSlot& slot, const at::Tensor& flat) {
  return flat.detach().narrow(0, slot.offset, elements_of(slot.shape)).view(slot.shape).detach();
}

std::vector<Projection> projections(const ModelConfig& c) {
  const auto q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  return {{"self_attn", "q_proj", q, c.hidden_size},
          {"self_attn", "k_proj", kv, c.hidden_size},
          {"self_attn", "v_proj", kv, c.hidden_size},
          {"self_attn", "o_proj", c.hidden_size, q},
          {"mlp", "gate_proj", c.intermediate_size, c.hidden_size},
          {"mlp", "up_proj", c.intermediate_size, c.hidden_size},
          {"mlp", "down_proj", c.hidden_size, c.intermediate_size}};
}

std::string layer_prefix(std::int64_t layer) { return "model.layers." + std::to_string(layer) + "."; }

}  // namespace clawrl
