#pragma once
// A reply as it is written, taken apart: thoughts, text for the user, tool calls.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/generation.hpp"
#include "core/message.hpp"
#include "prompt/reply_format.hpp"
#include "prompt/reply_output.hpp"

namespace clawrl {

class CallReader;

struct ReplyParserSettings {
  ReplyFormat format;
  bool tools_given = false;         // without tools nothing is a call
  bool prompt_opens_think = false;  // see opens_think()
  /// A grammar holds the reply to a well-formed call, so its name and arguments go out as they are written. Otherwise a
  /// call goes out once it is complete: half of one may still turn out to be text.
  bool calls_are_certain = false;
  std::int64_t turn = 0;  // ids of calls are made of it
};

/// One per reply; not thread-safe. However the text is cut into pieces, the events add up to the same message.
///   thoughts   up to the first </think>, if the prompt opened the block or the reply begins with <think>; newlines
///              beside the tags belong to the tags; a block that never ends is all thoughts
///   text       as soon as it cannot be part of a tag; a malformed call is text, all of it
///   calls      text between and after them is not shown (unshown_text())
class ReplyParser {
 public:
  explicit ReplyParser(const ReplyParserSettings& settings);
  ~ReplyParser();
  ReplyParser(ReplyParser&&) noexcept;
  ReplyParser& operator=(ReplyParser&&) noexcept;

  std::vector<ReplyEvent> push(std::string_view piece);

  struct End {
    std::vector<ReplyEvent> events;
    std::string finish_reason;  // "tool_calls", "stop" or "length"
  };
  /// `reason`: why the engine (or a stop text) ended the reply. With calls it is "tool_calls", but "length" when the
  /// length cut a call.
  End finish(FinishReason reason);

  const Message& message() const { return output_->message(); }
  const std::string& unshown_text() const { return output_->unshown_text(); }
  bool thinking() const { return at_ == At::thoughts || (at_ == At::start && opened_); }
  std::size_t undecided() const;  // bytes pushed that are in no event yet

 private:
  enum class At : std::uint8_t { start, thoughts, newlines, answer };
  void advance();
  bool start();
  bool thoughts();

  bool opened_ = false;  // by the prompt
  At at_ = At::answer;
  bool skip_newlines_ = false;
  std::string held_;
  std::unique_ptr<ReplyOutput> output_;
  std::unique_ptr<CallReader> calls_;
};

/// A whole reply at once.
struct ParsedReply {
  Message message;
  std::string unshown_text;
  std::string finish_reason;
};
ParsedReply parse_reply(std::string_view text, FinishReason reason, const ReplyParserSettings& settings);

}  // namespace clawrl
