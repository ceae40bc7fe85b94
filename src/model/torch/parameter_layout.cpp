#include "model/torch/parameter_layout.hpp"

#include <ATen/ATen.h>

#include "core/error.hpp"

namespace clawrl {

std::vector<ParameterView> parameter_views(const ParameterLayout& layout, const at::Tensor& flat) {
  expect(flat.numel() == layout.size && flat.is_contiguous(), "flat buffer does not fit the parameter layout");
  const auto space = flat.is_cuda() ? MemorySpace::cuda : MemorySpace::host;
  std::vector<ParameterView> views;
  for (const auto& slot : layout.slots)
    views.push_back({slot.name, DType::f32, slot.shape, flat.data_ptr<float>() + slot.offset, space});
  return views;
}

at::Tensor slot_tensor(const ParameterSlot& slot, const at::Tensor& flat) {
  return flat.detach().narrow(0, slot.offset, slot.elements()).view(slot.shape).detach();
}

}  // namespace clawrl
