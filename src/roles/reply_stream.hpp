#pragma once
// From sampled ids to what a client sees: text, thoughts and calls, ended by a stop text.

#include <string>
#include <vector>

#include "prompt/detokenizer.hpp"
#include "prompt/reply_parser.hpp"
#include "roles/stop_text.hpp"

namespace clawrl {

/// One per reply; head thread only. Special tokens and `stop_tokens` are no text, except those that the reply's format
/// writes its tags with. Stop texts count in the answer only, not in thoughts and calls.
class ReplyStream {
 public:
  ReplyStream(const Tokenizer& tokenizer, const ReplyParserSettings& settings, std::vector<TokenId> stop_tokens,
              std::vector<std::string> stop_text);

  /// What has become certain. Nothing after stopped().
  std::vector<ReplyEvent> push(TokenId id);
  /// The rest. `reason`: the engine's; a stop text that was found goes before it.
  std::vector<ReplyEvent> finish(FinishReason reason);

  bool stopped() const { return stop_text_.found(); }
  /// After finish(): "stop", "length" or "tool_calls".
  const std::string& finish_reason() const { return finish_reason_; }
  int reasoning_tokens() const { return reasoning_tokens_; }   // pushed: of thoughts and their tags
  const std::string& raw() const { return raw_; }              // as the model wrote it, up to a stop text
  const Message& message() const { return shown_.message(); }  // as the client got it

 private:
  void show(const std::vector<ReplyEvent>& events);
  void show_text(const std::string& text);
  bool hidden(TokenId id) const;

  Tokenizer tokenizer_;
  std::vector<TokenId> stop_tokens_, markers_;
  Detokenizer detokenizer_;
  ReplyParser parser_;
  StopText stop_text_;
  ReplyOutput shown_;
  std::size_t behind_stop_ = 0;  // bytes of text that StopText holds or has dropped
  int reasoning_tokens_ = 0;
  std::string raw_, finish_reason_;
};

}  // namespace clawrl
