#include "session/conversation.hpp"

#include <functional>

#include "prompt/canonical_arguments.hpp"
#include "session/client_text.hpp"

namespace clawrl {
namespace {

std::string_view without_thoughts(std::string_view text) {
  text = trimmed(text);
  constexpr std::string_view open = "<think>", close = "</think>";
  if (!text.starts_with(open)) return text;
  const auto end = text.find(close);
  return end == std::string_view::npos ? text : trimmed(text.substr(end + close.size()));
}

Fingerprint of_reply(std::string_view text, const std::vector<ToolCall>& calls) {
  Fingerprint print = mix(fingerprint("assistant"), fingerprint(without_thoughts(text)));
  for (const ToolCall& call : calls)
    print = mix(print, mix(fingerprint(call.name), fingerprint(canonical_arguments(call.arguments))));
  return print;
}

Fingerprint of_message(const Message& message) {
  if (message.role == "assistant") return of_reply(message.text, message.tool_calls);
  const Fingerprint role = fingerprint(message.role);
  if (message.role == "user") return mix(role, fingerprint(lasting_words(message.text)));
  return mix(role, fingerprint(trimmed(message.text)));
}

std::vector<Fingerprint> of_calls(const std::vector<ToolCall>& calls, Fingerprint key) {
  std::vector<Fingerprint> prints;
  for (const ToolCall& call : calls) {
    std::string id;
    for (const char c : call.id)
      if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) id += c;
    if (!id.empty()) prints.push_back(mix(mix(key, fingerprint("call")), fingerprint(id)));
  }
  return prints;
}

constexpr std::size_t telling = 16;  // bytes of a reply that says something without its question

Place place_of(Fingerprint before, Fingerprint asked, Fingerprint scope, Fingerprint reply, std::size_t bytes) {
  Place place;
  if (bytes >= telling) place.reply = mix(mix(scope, fingerprint("reply")), reply);
  place.before = before;
  place.after = mix(before, reply);
  if (asked != 0) place.exchange = mix(mix(scope, fingerprint("exchange")), mix(asked, reply));
  return place;
}

bool counts(const Message& message) {
  return message.role != "system" && !is_client_text(message);
}

}  // namespace

Fingerprint mix(Fingerprint a, Fingerprint b) {
  Fingerprint z = a * 0x9E3779B97F4A7C15ULL + b + 0x632BE59BD9B4E019ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

Fingerprint fingerprint(std::string_view text) {
  return mix(std::hash<std::string_view>{}(text), text.size());
}

Conversation read_conversation(const std::vector<Message>& messages, Fingerprint scope, Fingerprint key) {
  Conversation read;
  read.whole = scope;
  read.system = scope;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == "system") read.system = mix(read.system, fingerprint(trimmed(message.text)));
    if (!counts(message)) continue;
    const Fingerprint print = of_message(message);
    if (message.role == "assistant") {
      Place place = place_of(read.whole, read.asked, scope, print, without_thoughts(message.text).size());
      place.at = i;
      place.calls = of_calls(message.tool_calls, key);
      read.places.push_back(std::move(place));
      read.asked = 0;
    } else {
      read.asked = mix(read.asked, print);
    }
    read.whole = mix(read.whole, print);
  }
  return read;
}

std::vector<Place> places_of_reply(const Conversation& question, Fingerprint scope, Fingerprint key,
                                   const Message& reply, const std::string& raw) {
  const auto place = [&](std::string_view text, const std::vector<ToolCall>& calls) {
    return place_of(question.whole, question.asked, scope, of_reply(text, calls), without_thoughts(text).size());
  };
  std::vector<Place> places;
  if (reply.role == "assistant") places.push_back(place(reply.text, reply.tool_calls));
  if (!places.empty()) places.back().calls = of_calls(reply.tool_calls, key);
  Place written = place(raw, {});
  if (places.empty() || places.back().after != written.after) places.push_back(std::move(written));
  return places;
}

std::vector<Message> next_state(const std::vector<Message>& messages, std::size_t at) {
  std::vector<Message> next;
  for (std::size_t i = at + 1; i < messages.size() && messages[i].role != "assistant"; ++i)
    if (counts(messages[i])) next.push_back(cleaned(messages[i]));
  return next;
}

Fingerprint fingerprint(const std::vector<Message>& next_state) {
  Fingerprint print = 0;
  for (const Message& message : next_state) print = mix(print, of_message(message));
  return print;
}

}  // namespace clawrl
