#include "trainer/torch/trained_set.hpp"

#include <ATen/ATen.h>

namespace clawrl {
namespace {

void append(std::vector<ParameterView>& all, std::vector<ParameterView> views, const std::string& prefix) {
  for (ParameterView& view : views) {
    view.name = prefix + view.name;
    all.push_back(std::move(view));
  }
}

}  // namespace

TrainedSet::TrainedSet(const ParameterLayout& layout, at::Tensor values, const OptimizerSettings& settings)
    : parameters(std::move(values)), adam(parameters, layout.matrices, settings), layout_(layout) {}

at::Tensor TrainedSet::host(std::size_t slot, const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  if (!host_[slot].defined()) host_[slot] = at::empty(tensor.sizes(), at::kFloat);
  return host_[slot].copy_(tensor);
}

std::vector<ParameterView> TrainedSet::views() {
  upload();
  return parameter_views(layout_, host(0, parameters));
}

std::vector<ParameterView> TrainedSet::state(const std::string& prefix) {
  upload();
  given_out_ = true;
  std::vector<ParameterView> all;
  append(all, parameter_views(layout_, host(0, parameters)), prefix);
  append(all, parameter_views(layout_, host(1, adam.first_moment)), prefix + "adam.m.");
  append(all, parameter_views(layout_, host(2, adam.second_moment)), prefix + "adam.v.");
  all.push_back({prefix + "adam.step", DType::i64, {1}, &adam.steps, MemorySpace::host});
  return all;
}

bool TrainedSet::upload() {
  if (!given_out_ || parameters.is_cpu()) return given_out_;
  at::NoGradGuard no_grad;
  parameters.copy_(host_[0]);
  adam.first_moment.copy_(host_[1]);
  adam.second_moment.copy_(host_[2]);
  return true;
}

at::Tensor copy_masters(const ParameterLayout& layout, std::shared_ptr<const WeightImage> image, at::Device device) {
  at::Tensor masters = at::empty({layout.size}, at::TensorOptions(at::kFloat).device(device));
  const FlatWeights from = flat_weights(image, at::kCPU);
  masters.narrow(0, 0, layout.matrices).copy_(from.matrices);
  masters.narrow(0, layout.matrices, layout.size - layout.matrices).copy_(from.vectors);
  return masters;
}

}  // namespace clawrl
