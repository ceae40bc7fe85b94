#pragma once
// How well a policy version predicts a text.

#include <numeric>
#include <span>
#include <vector>

#include "core/error.hpp"
#include "model/policy.hpp"

namespace clawrl {

/// Mean -log p of ids[from..] in nats. UserError when the version is not loaded or the text is too short.
inline double text_loss(Policy& policy, std::int64_t version, const std::vector<TokenId>& ids, std::int32_t from = 1) {
  require(from >= 1 && ids.size() > static_cast<std::size_t>(from), "a text of fewer than two tokens has no loss");
  ScoreRequest request;
  request.ids = ids;
  const std::vector<ScoreResult> scored = policy.score(version, {&request, 1});
  const auto logprobs = std::span(scored.front().logprobs).subspan(static_cast<std::size_t>(from) - 1);
  return -std::accumulate(logprobs.begin(), logprobs.end(), 0.0) / static_cast<double>(logprobs.size());
}

}  // namespace clawrl
