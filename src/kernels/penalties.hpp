#pragma once
// Changes of a row of logits that a client asked for, before anything is drawn.

#include <span>
#include <unordered_map>
#include <vector>

#include "core/generation.hpp"

namespace clawrl::kernels {

/// A token that stands in the prompt or the response.
struct TokenCount {
  TokenId id = 0;
  std::int32_t in_response = 0;  // how often; 0 = in the prompt only
};

/// In this order: logits above 0 are divided and others multiplied by repetition_penalty; presence_penalty and
/// frequency_penalty * count are taken off for tokens of the response; logit_bias is added. `counts`: each id once.
inline void adjust(std::span<float> row, const SamplingParameters& parameters, std::span<const TokenCount> counts) {
  for (const TokenCount& count : counts) {
    float& logit = row[static_cast<std::size_t>(count.id)];
    logit = logit > 0 ? logit / parameters.repetition_penalty : logit * parameters.repetition_penalty;
    if (count.in_response == 0) continue;
    logit -= parameters.presence_penalty + parameters.frequency_penalty * static_cast<float>(count.in_response);
  }
  for (const auto& [id, bias] : parameters.logit_bias) row[static_cast<std::size_t>(id)] += bias;
}

/// Counts the tokens of one sequence as it grows. Empty unless the parameters count tokens.
class TokenCounts {
 public:
  TokenCounts() = default;
  TokenCounts(const SamplingParameters& parameters, std::span<const TokenId> prompt)
      : counting_(parameters.counts_tokens()) {
    if (parameters.repetition_penalty == 1) return;
    for (TokenId id : prompt) at(id);
  }

  void add(TokenId id) {
    if (counting_) ++at(id).in_response;
  }
  std::span<const TokenCount> all() const { return counts_; }

 private:
  TokenCount& at(TokenId id) {
    const auto [found, fresh] = place_.emplace(id, counts_.size());
    if (fresh) counts_.push_back({id, 0});
    return counts_[found->second];
  }

  bool counting_ = false;
  std::vector<TokenCount> counts_;
  std::unordered_map<TokenId, std::size_t> place_;
};

}  // namespace clawrl::kernels
