#pragma once
// AdamW over one flat buffer: bias-corrected moments, decoupled decay.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "trainer/learner.hpp"

namespace clawrl {

/// Linear warm-up, then constant, or a cosine down to 10 % when total_steps > 0. `step` is 1-based.
double learning_rate(const OptimizerSettings& settings, std::int64_t step);

class AdamW {
 public:
  /// `parameters` [P] is updated in place; its first `matrices` elements are those of 2-D parameters.
  AdamW(at::Tensor parameters, std::int64_t matrices, const OptimizerSettings& settings);

  /// gradient [P] is overwritten.
  void step(const at::Tensor& gradient, double rate);

  at::Tensor first_moment, second_moment;  // [P]
  std::int64_t steps = 0;                  // updates done

 private:
  at::Tensor parameters_;
  std::int64_t decayed_;  // elements at the front that are subject to weight decay
  OptimizerSettings settings_;
};

}  // namespace clawrl
