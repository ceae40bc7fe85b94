#pragma once
// What one policy line trains: its parameters in one flat buffer, and their moments.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "core/parameter_view.hpp"
#include "model/torch/lora.hpp"
#include "model/torch/weight_set.hpp"
#include "trainer/torch/adamw.hpp"

namespace clawrl {

/// On an accelerator the host sees copies: parameters, first and second moments. Those that state() gave out may have
/// been overwritten (a restart): upload() brings them back, and comes before every use until the next step.
class TrainedSet {
 public:
  /// `layout` outlives the set; `parameters` [layout.size] f32.
  TrainedSet(const ParameterLayout& layout, at::Tensor parameters, const OptimizerSettings& settings);

  /// Host views, valid until the next call that gives views.
  std::vector<ParameterView> views();
  /// The same with the moments and the number of updates; `prefix` comes before every name.
  std::vector<ParameterView> state(const std::string& prefix);
  /// True when state() was called since stepped(): the parameters may be others now.
  bool upload();
  void stepped() { given_out_ = false; }

  at::Tensor parameters;
  LoraWeights lora;  // views of `parameters`; no layers where all weights are trained
  AdamW adam;

 private:
  at::Tensor host(std::size_t slot, const at::Tensor& tensor);

  const ParameterLayout& layout_;
  at::Tensor host_[3];
  bool given_out_ = false;
};

/// The image's weights as a set's parameters, on the device. The image may go before the gradient and the moments come.
at::Tensor copy_masters(const ParameterLayout& layout, std::shared_ptr<const WeightImage> image, at::Device device);

}  // namespace clawrl
