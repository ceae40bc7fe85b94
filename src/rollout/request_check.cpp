#include "rollout/request_check.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/top_k.hpp"

namespace clawrl {

namespace {

std::string bad_sampling(const SamplingParameters& sampling, std::int64_t vocabulary) {
  const float t = sampling.temperature;
  if (!(t == 0 || (t >= 1e-6F && t <= 1e6F))) return "temperature must be 0 or within 1e-6 and 1e6";
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) return "top_p must be above 0 and at most 1";
  if (sampling.top_k < 0) return "top_k must not be negative (0 = off)";
  if (!(sampling.repetition_penalty >= 0.01F && sampling.repetition_penalty <= 10))
    return "repetition_penalty must be within 0.01 and 10";
  for (const float penalty : {sampling.presence_penalty, sampling.frequency_penalty})
    if (!(std::abs(penalty) <= 2)) return "presence_penalty and frequency_penalty must be within -2 and 2";
  for (const auto& [id, bias] : sampling.logit_bias) {
    if (id < 0 || id >= vocabulary)
      return "logit_bias: token " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary);
    if (!(std::abs(bias) <= 100)) return "logit_bias must be within -100 and 100";
  }
  return "";
}

}  // namespace

std::string refusal(const GenerateRequest& request, std::int64_t vocabulary, std::int32_t context) {
  if (request.prompt.empty()) return "the prompt has no tokens, at least 1 is needed";
  if (request.prompt.size() >= static_cast<std::size_t>(context)) {
    return "the prompt has " + std::to_string(request.prompt.size()) + " tokens, the context holds " +
           std::to_string(context) + " with at least 1 for the response";
  }
  const auto outside = [&](TokenId id) { return id < 0 || id >= vocabulary; };
  const auto bad = std::find_if(request.prompt.begin(), request.prompt.end(), outside);
  if (bad != request.prompt.end()) {
    return "prompt token " + std::to_string(*bad) + " is outside the vocabulary of " + std::to_string(vocabulary);
  }
  if (request.stop.max_tokens < 1) return "max_tokens must be at least 1";
  const auto widest = std::min<std::int64_t>(kernels::max_top_k, vocabulary);
  if (request.record_top_k < 0 || request.record_top_k > widest) {
    return "record_top_k must be within 0 and " + std::to_string(widest);
  }
  if (!(request.deadline_s >= 0)) return "deadline_s must not be negative (0 = none)";
  return bad_sampling(request.sampling, vocabulary);
}

}  // namespace clawrl
