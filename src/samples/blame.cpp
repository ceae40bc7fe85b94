#include "samples/blame.hpp"

#include <algorithm>
#include <cmath>

namespace clawrl {

double severity_weight(const Verdict& verdict, const SamplesConfig& settings) {
  if (!settings.severity || verdict.severity <= 0 || verdict.score >= 0) return 1;
  const double grade = std::min<int>(verdict.severity, 3);
  return settings.severity_low * std::pow(settings.severity_high / settings.severity_low, (grade - 1) / 2);
}

void spare_before_fault(const Verdict& verdict, const SamplesConfig& settings, std::span<float> advantages) {
  if (!settings.localise_errors || verdict.score >= 0 || verdict.fault_begin < 0) return;
  const auto begin = std::min(static_cast<std::size_t>(verdict.fault_begin), advantages.size());
  for (float& advantage : advantages.first(begin)) advantage = std::max(advantage, 0.0F);
}

void spare_end(const Turn& turn, const Verdict& verdict, const SamplesConfig& settings, std::span<float> advantages) {
  const bool ended = turn.completion.finish == FinishReason::stop && !advantages.empty();
  if (settings.spare_end && verdict.score < 0 && ended) advantages.back() = std::max(advantages.back(), 0.0F);
}

}  // namespace clawrl
