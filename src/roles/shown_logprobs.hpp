#pragma once
// What a client sees of the sampler's log-probs.

#include <cstdint>
#include <span>
#include <vector>

#include "core/generation.hpp"
#include "frontend/chat_service.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

struct LogprobsWanted {
  bool tokens = false;       // tell the client
  bool prompt = false;       // of the prompt first; stop tokens count too then, as readers of echoes count them
  std::int32_t top = 0;      // alternatives per token
  std::int32_t keep = 0;     // width of the record that the turn keeps
  bool recorded_t1 = false;  // the record is at temperature 1
};

/// One per token of `part` but for `stop_tokens`, which are no text. All at temperature 1: where the record is at the
/// sampling temperature, the part must not be truncated.
std::vector<TokenLogprob> shown_logprobs(const Completion& part, const LogprobsWanted& wanted,
                                         const Tokenizer& tokenizer, std::span<const TokenId> stop_tokens);

/// With the record of the likeliest ids cut to `width` per token.
Completion narrowed(const Completion& part, std::int32_t width);

}  // namespace clawrl
