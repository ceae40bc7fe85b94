#include "trainer/torch/adamw.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace clawrl {

double learning_rate(const OptimizerSettings& settings, std::int64_t step) {
  const double peak = settings.learning_rate;
  const auto warmup = static_cast<double>(settings.warmup_steps);
  if (step < settings.warmup_steps) return peak * static_cast<double>(step) / warmup;
  if (settings.total_steps <= 0) return peak;
  const double span = static_cast<double>(std::max<std::int64_t>(1, settings.total_steps - settings.warmup_steps));
  const double progress = std::min(1.0, static_cast<double>(step - settings.warmup_steps) / span);
  return peak * (0.1 + 0.9 * 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
}

AdamW::AdamW(at::Tensor parameters, std::int64_t matrices, const OptimizerSettings& settings)
    : first_moment(at::zeros_like(parameters)),
      second_moment(at::zeros_like(parameters)),
      parameters_(std::move(parameters)),
      decayed_(settings.decay_matrices_only ? matrices : parameters_.numel()),
      settings_(settings) {}

void AdamW::step(const at::Tensor& gradient, double rate) {
  ++steps;
  const auto count = static_cast<double>(steps);
  const double correction1 = 1.0 - std::pow(settings_.beta1, count);
  const double correction2 = 1.0 - std::pow(settings_.beta2, count);
  if (settings_.weight_decay != 0) parameters_.narrow(0, 0, decayed_).mul_(1.0 - rate * settings_.weight_decay);
  first_moment.mul_(settings_.beta1).add_(gradient, 1.0 - settings_.beta1);
  second_moment.mul_(settings_.beta2).addcmul_(gradient, gradient, 1.0 - settings_.beta2);
  at::Tensor denominator = gradient;  // same size, not needed any more
  at::sqrt_out(denominator, second_moment).div_(std::sqrt(correction2)).add_(settings_.eps);
  parameters_.addcdiv_(first_moment, denominator, -rate / correction1);
}

}  // namespace clawrl
