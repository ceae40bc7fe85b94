#include "session/conversation.hpp"

#include <algorithm>
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

/// `so_far` and the words of `text`, however they are spaced: replies that were joined differ in that.
Fingerprint add_words(Fingerprint so_far, std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  for (auto begin = text.find_first_not_of(blanks); begin != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(blanks, begin), text.size());
    so_far = mix(so_far, fingerprint(text.substr(begin, end - begin)));
    begin = text.find_first_not_of(blanks, end);
  }
  return so_far;
}

ReplyRun add_reply(ReplyRun run, std::string_view text, const std::vector<ToolCall>& calls) {
  const std::string_view said = without_thoughts(text);
  run.words = add_words(run.words, said);
  run.bytes += said.size();
  for (const ToolCall& call : calls)
    run.calls = mix(run.calls, mix(fingerprint(call.name), fingerprint(canonical_arguments(call.arguments))));
  return run;
}

Fingerprint of_replies(const ReplyRun& run) {
  return mix(fingerprint("assistant"), mix(run.words, run.calls));
}

Fingerprint of_message(const Message& message) {
  if (message.role == "assistant") return of_replies(add_reply({}, message.text, message.tool_calls));
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

Place place_of(Fingerprint before, const ReplyRun& run, Fingerprint scope) {
  const Fingerprint replies = of_replies(run);
  Place place;
  place.before = before;
  place.after = mix(run.before, replies);
  if (run.asked != 0) place.exchange = mix(mix(scope, fingerprint("exchange")), mix(run.asked, replies));
  if (run.bytes >= telling) place.reply = mix(mix(scope, fingerprint("reply")), replies);
  return place;
}

bool is_said(const Message& message) {
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
  read.whole = read.system = read.run.before = scope;
  bool replied = false;  // the last message that counts was a reply
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == "system") read.system = mix(read.system, fingerprint(trimmed(message.text)));
    if (!is_said(message) || is_report(message)) continue;
    if (is_subagent_task(message)) read.places.clear();  // of its parent
    if (message.role == "assistant") {
      read.run = add_reply(read.run, message.text, message.tool_calls);
      Place place = place_of(read.whole, read.run, scope);
      place.at = i;
      place.calls = of_calls(message.tool_calls, key);
      read.whole = place.after;
      read.places.push_back(std::move(place));
      replied = true;
    } else {
      const Fingerprint print = of_message(message);
      read.whole = mix(read.whole, print);
      read.run = {read.whole, mix(replied ? 0 : read.run.asked, print), 0, 0, 0};
      replied = false;
    }
  }
  return read;
}

std::vector<Place> places_of_reply(const Conversation& question, Fingerprint scope, Fingerprint key,
                                   const Message& reply, const std::string& raw) {
  const auto place = [&](std::string_view text, const std::vector<ToolCall>& calls) {
    return place_of(question.whole, add_reply(question.run, text, calls), scope);
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
    if (is_said(messages[i])) next.push_back(cleaned(messages[i]));
  return next;
}

Fingerprint fingerprint(const std::vector<Message>& next_state) {
  Fingerprint print = 0;
  for (const Message& message : next_state) print = mix(print, of_message(message));
  return print;
}

}  // namespace clawrl
