#pragma once
// Two adapters of one shape as one of twice the rank: W + s B1 A1 + s B2 A2 = W + s [B1 B2] [A1; A2].

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/parameter_view.hpp"
#include "model/torch/lora.hpp"

namespace clawrl {

/// What forward and backward see of a policy line that stands on another one, and what is published of it.
class StackedAdapters {
 public:
  enum Part { lower, upper };
  /// `part`: shape and scale of either adapter.
  StackedAdapters(const ModelConfig& config, const LoraConfig& part, at::Device device);

  /// Flat buffers of lora_layout(part). `on_top` undefined: nothing, and its part of the gradient is 0.
  void put(const at::Tensor& below, const at::Tensor& on_top);
  const LoraWeights& lora() const { return lora_; }
  /// backward() adds into it; flat, in the layout of the stack.
  const at::Tensor& gradient() const { return gradient_; }
  /// The part's gradient in a new flat buffer of lora_layout(part).
  at::Tensor gradient_of(Part part) const;
  /// Of the whole on the host, under PEFT's names; valid until the next put().
  std::vector<ParameterView> views();

 private:
  void copy(const at::Tensor& flat, Part part);
  at::Tensor window(std::size_t slot, const at::Tensor& stacked, Part part) const;

  const std::int64_t rank_;
  const ParameterLayout part_, stack_;
  at::Tensor parameters_, gradient_, host_;
  LoraWeights lora_;
};

}  // namespace clawrl
