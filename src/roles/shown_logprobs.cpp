#include "roles/shown_logprobs.hpp"

#include <algorithm>

namespace clawrl {
namespace {

std::size_t width_of(const Completion& part) {
  return part.ids.empty() ? 0 : part.topk_ids.size() / part.ids.size();
}

std::vector<std::pair<std::string, float>> alternatives(const Completion& part, std::size_t token,
                                                        const LogprobsWanted& wanted, const Tokenizer& tokenizer) {
  const float temperature = part.sampling.temperature;
  const std::size_t width = width_of(part);
  std::vector<std::pair<std::string, float>> shown;
  for (std::size_t k = 0; k < std::min(width, static_cast<std::size_t>(wanted.top)); ++k) {
    const std::size_t at = token * width + k;
    if (k > 0 && part.topk_ids[at] == part.topk_ids[token * width]) break;  // fewer were allowed than recorded
    float logprob = part.topk_logprobs[at];
    // Ratios at a temperature T are those at 1 to the power of 1/T.
    if (!wanted.recorded_t1 && temperature != 0 && temperature != 1)
      logprob = part.logprobs_t1[token] + temperature * (logprob - part.logprobs[token]);
    shown.emplace_back(std::string(tokenizer.bytes_of(part.topk_ids[at])), logprob);
  }
  return shown;
}

}  // namespace

std::vector<TokenLogprob> shown_logprobs(const Completion& part, const LogprobsWanted& wanted,
                                         const Tokenizer& tokenizer, std::span<const TokenId> stop_tokens) {
  std::vector<TokenLogprob> shown;
  for (std::size_t i = 0; i < part.ids.size(); ++i) {
    if (std::find(stop_tokens.begin(), stop_tokens.end(), part.ids[i]) != stop_tokens.end()) continue;
    shown.push_back(
        {std::string(tokenizer.bytes_of(part.ids[i])), part.logprobs_t1[i], alternatives(part, i, wanted, tokenizer)});
  }
  return shown;
}

Completion narrowed(const Completion& part, std::int32_t width) {
  Completion narrow = part;
  const std::size_t had = width_of(part), kept = static_cast<std::size_t>(width);
  if (had <= kept) return narrow;
  for (std::size_t i = 0; i < part.ids.size(); ++i)
    for (std::size_t k = 0; k < kept; ++k) {
      narrow.topk_ids[i * kept + k] = part.topk_ids[i * had + k];
      narrow.topk_logprobs[i * kept + k] = part.topk_logprobs[i * had + k];
    }
  narrow.topk_ids.resize(part.ids.size() * kept);
  narrow.topk_logprobs.resize(part.ids.size() * kept);
  return narrow;
}

}  // namespace clawrl
