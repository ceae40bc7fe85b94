#pragma once
// What a reply parser gives: events in the order of the reply, and the message that they add up to.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.hpp"

namespace clawrl {

/// Example of a call: {call, "", 0, "k3Jd92Lqa", "get_weather"}, {arguments, "{\"city\": \"Paris\"}", 0}.
struct ReplyEvent {
  enum class Kind : std::uint8_t { text, reasoning, call, arguments };
  Kind kind = Kind::text;
  std::string text;  // text, reasoning, arguments: what is new
  int index = 0;     // call, arguments: 0, 1, ... of the calls of this reply
  std::string id;    // call
  std::string name;  // call
  bool operator==(const ReplyEvent&) const = default;
};

/// The id of a turn's call: nine letters or digits (Mistral's template wants just that), different for every turn and
/// index < 4096 of a journal's life.
std::string tool_call_id(std::int64_t turn, int index);

/// Collects; not thread-safe.
class ReplyOutput {
 public:
  explicit ReplyOutput(std::int64_t turn) : turn_(turn) { message_.role = "assistant"; }

  void text(std::string_view delta);
  void reasoning(std::string_view delta);
  void call(const std::string& name);      // begins one
  void arguments(std::string_view delta);  // of the call begun last
  void unshown(std::string_view text) { unshown_ += text; }
  void cut_inside_call() { cut_inside_call_ = true; }

  const Message& message() const { return message_; }
  /// Text between and after calls: chat formats have no place for it. It stays in the raw reply.
  const std::string& unshown_text() const { return unshown_; }
  bool has_calls() const { return !message_.tool_calls.empty(); }
  bool was_cut_inside_call() const { return cut_inside_call_; }
  std::vector<ReplyEvent> take();

 private:
  void add(ReplyEvent::Kind kind, std::string_view delta, int index);
  int last_call() const { return static_cast<int>(message_.tool_calls.size()) - 1; }

  std::int64_t turn_;
  Message message_;
  std::string unshown_;
  bool cut_inside_call_ = false;
  std::vector<ReplyEvent> events_;
};

}  // namespace clawrl
