#pragma once
// The log-probs of a prompt's own tokens: on the rollout rank, and as a client sees them.

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "frontend/chat_service.hpp"
#include "model/policy.hpp"
#include "prompt/tokenizer.hpp"
#include "roles/messages.hpp"

namespace clawrl {

/// One forward over the whole prompt, without the KV cache: what is cached has no log-probs any more. `newest`: the
/// version where none is asked for. What goes wrong is in `error`.
messages::PromptScored score_prompt(Policy& policy, std::int64_t newest, const messages::ScorePrompt& asked);

/// Prompts that wait on a rollout rank, which scores one of them between two engine steps, so that replies under way go
/// on. A prompt's Generate waits behind it: its scores are told before its first token.
class PromptScoreQueue {
 public:
  struct Waiting {
    messages::ScorePrompt asked;
    std::optional<GenerateRequest> then;
  };
  void ask(messages::ScorePrompt asked) { waiting_.push_back({std::move(asked), std::nullopt}); }
  /// False: no prompt of this id waits.
  bool hold(const GenerateRequest& request);
  void cancel(RequestId id);
  /// The oldest; nothing when empty.
  std::optional<Waiting> take();
  /// The oldest that is to be scored by this version.
  std::optional<Waiting> take_of(std::int64_t version);

 private:
  std::optional<Waiting> take(std::deque<Waiting>::iterator one);
  std::deque<Waiting> waiting_;
};

/// One per token of `prompt`, which was made of `text`; the first has no log-prob, and no text if the tokenizer put it
/// there.
std::vector<TokenLogprob> shown_prompt(const messages::PromptScored& scored, const std::vector<TokenId>& prompt,
                                       std::string_view text, const Tokenizer& tokenizer);

}  // namespace clawrl
