#include "trainer/torch/stacked_adapters.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace clawrl {
StackedAdapters::StackedAdapters(const ModelConfig& config, const LoraConfig& part, at::Device device)
    : rank_(part.rank), part_(lora_layout(config, part)), stack_(lora_layout(config, part.stacked())) {
  parameters_ = at::zeros({stack_.size}, at::TensorOptions(at::kFloat).device(device));
  gradient_ = at::zeros_like(parameters_);
  lora_ = bind_lora(config, part.stacked(), parameters_);
  track_lora_gradients(config, part.stacked(), lora_, gradient_);
}

/// A [r,in] is stacked by rows, B [out,r] by columns.
at::Tensor StackedAdapters::window(std::size_t slot, const at::Tensor& stacked, Part part) const {
  const ParameterSlot& one = stack_.slots[slot];
  const std::int64_t axis = one.name.ends_with("lora_A.weight") ? 0 : 1;
  return slot_tensor(one, stacked).narrow(axis, part == lower ? 0 : rank_, rank_);
}

void StackedAdapters::copy(const at::Tensor& flat, Part part) {
  for (std::size_t slot = 0; slot < part_.slots.size(); ++slot) {
    at::Tensor target = window(slot, parameters_, part);
    if (flat.defined())
      target.copy_(slot_tensor(part_.slots[slot], flat));
    else
      target.zero_();
  }
}

void StackedAdapters::put(const at::Tensor& below, const at::Tensor& on_top) {
  at::NoGradGuard no_grad;
  copy(below, lower);
  copy(on_top, upper);
}

at::Tensor StackedAdapters::gradient_of(Part part) const {
  at::NoGradGuard no_grad;
  at::Tensor flat = at::zeros({part_.size}, gradient_.options());
  for (std::size_t slot = 0; slot < part_.slots.size(); ++slot)
    slot_tensor(part_.slots[slot], flat).copy_(window(slot, gradient_, part));
  return flat;
}

std::vector<ParameterView> StackedAdapters::views() {
  host_ = parameters_.to(at::kCPU);  // the same tensor on a CPU
  return parameter_views(stack_, host_);
}

}  // namespace clawrl
