#include "session/client_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace clawrl {
namespace {

constexpr std::string_view carrier_begin = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>";
constexpr std::string_view carrier_end = "<<<END_OPENCLAW_INTERNAL_CONTEXT>>>";
constexpr std::string_view runtime_begin = "Runtime: agent=";

// A message that was not answered is sent again: "[marker]\n<the user's words>\n\n<what to do now>".
constexpr std::array<std::string_view, 3> wrappers = {"[Queued user message from a previous active turn",
                                                      "[Earlier unanswered user message.",
                                                      "[Retry after the previous model attempt"};
constexpr std::string_view wrapped_tail = "\n\nContinue the current task";

constexpr std::array<std::string_view, 3> retries = {
    "The previous assistant turn recorded reasoning but did not produce",
    "The previous attempt did not produce a user-visible answer",
    "The previous assistant turn completed its tool calls but did not"};

// What OpenClaw's sub-agents tell their parent.
constexpr std::array<std::string_view, 3> reports = {
    "A background task completed. Use this result",
    "[Subagent Context] Every subagent spawned from this session has now settled",
    "[Subagent Context] Your prior run ended while waiting for descendant subagent"};

constexpr std::string_view subagent_task = "[Subagent Context] You are running as a subagent";

// After the words that a reply gave to sessions_yield: the policy's own, in the user's name.
constexpr std::string_view yielded = "[Context: The previous turn ended intentionally via sessions_yield";

// Lines that tell of another session, before or after a text.
constexpr std::array<std::string_view, 2> routed = {
    "[Inter-session message]", "This content was routed by OpenClaw from another session or internal tool."};

template <class Markers>
bool begins_with_any(std::string_view text, const Markers& markers) {
  return std::any_of(markers.begin(), markers.end(), [&](std::string_view marker) { return text.starts_with(marker); });
}

bool digit(char c) {
  return c >= '0' && c <= '9';
}

/// Bytes of "[Fri 2026-11-20 23:32 UTC] " at the front, or 0.
std::size_t date_length(std::string_view text) {
  constexpr std::string_view shape = "[Aaa 0000-00-00 00:00";  // a zone may follow
  constexpr std::size_t longest_zone = 32;
  if (text.size() < shape.size()) return 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool letter = std::isalpha(static_cast<unsigned char>(text[i])) != 0;
    if (shape[i] == '0' ? !digit(text[i]) : (shape[i] == 'A' || shape[i] == 'a') ? !letter : text[i] != shape[i])
      return 0;
  }
  std::size_t i = shape.size();
  while (i < text.size() && i < shape.size() + longest_zone && text[i] != ']' && text[i] != '\n') ++i;
  if (i == text.size() || text[i] != ']') return 0;
  return i + (i + 1 < text.size() && text[i + 1] == ' ' ? 2 : 1);
}

void remove_carriers(std::string& text) {
  for (auto begin = text.find(carrier_begin); begin != std::string::npos; begin = text.find(carrier_begin)) {
    const auto end = text.find(carrier_end, begin);
    if (end == std::string::npos) return;  // the user's own words then
    text.erase(begin, end + carrier_end.size() - begin);
  }
}

bool is_runtime_line(std::string_view line) {
  return line.starts_with(runtime_begin) && line.find(" | ") != std::string_view::npos;
}

template <class Use>
void each_line(std::string_view text, Use use) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    use(text.substr(begin, end - begin), begin, end);
    begin = end + 1;
  }
}

template <class Unwanted>
void remove_lines(std::string& text, Unwanted unwanted) {
  std::string kept;
  each_line(text, [&](std::string_view line, std::size_t begin, std::size_t) {
    if (unwanted(line)) return;
    if (begin > 0 && !kept.empty()) kept += '\n';
    kept += line;
  });
  text = std::move(kept);
}

void remove_runtime_line(std::string& text) {
  if (text.find(runtime_begin) != std::string::npos) remove_lines(text, is_runtime_line);
}

void remove_routing(std::string& text) {
  if (text.find(routed[0]) != std::string::npos)
    remove_lines(text, [](std::string_view line) { return begins_with_any(line, routed); });
}

void remove_date(std::string& text) {
  text.erase(0, date_length(text));
}

/// The marker's line and the order to go on; the words between stay. `lasting`: without those that are only repeated.
void unwrap(std::string& text, bool lasting) {
  if (!begins_with_any(text, wrappers)) return;
  const auto close = text.find(']');
  if (close == std::string::npos) return;
  text.erase(0, close + 1);
  if (const auto tail = text.rfind(wrapped_tail); tail != std::string::npos)
    text.erase(tail);
  else if (const auto said = text.rfind("\n\n"); lasting && said != std::string::npos)
    text.erase(0, said + 2);
  text = std::string(trimmed(text));
}

std::string field(std::string_view line, std::string_view name) {
  const std::string opening = "| " + std::string(name) + "=";
  const auto begin = line.find(opening);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = line.substr(begin + opening.size());
  return std::string(trimmed(rest.substr(0, rest.find(" |"))));
}

void read_runtime(std::string_view text, RuntimeLine& found) {
  if (text.find(runtime_begin) == std::string_view::npos) return;
  each_line(text, [&](std::string_view line, std::size_t, std::size_t) {
    if (!is_runtime_line(line)) return;
    found.session_id = field(line, "sessionId");
    found.session = field(line, "session");
  });
}

std::string words_of(std::string_view text, bool lasting) {
  std::string words(text);
  remove_carriers(words);
  remove_runtime_line(words);
  remove_routing(words);
  words = std::string(trimmed(words));
  constexpr int layers = 8;  // a message that failed again and again is wrapped again and again
  for (int i = 0; i < layers; ++i) {
    const std::size_t before = words.size();
    remove_date(words);
    unwrap(words, lasting);
    if (words.size() == before) break;
  }
  const std::string_view last_line = std::string_view(words).substr(words.rfind('\n') + 1);
  if (begins_with_any(words, retries) || last_line.starts_with(yielded)) return {};
  return std::string(trimmed(words));
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string user_words(std::string_view text) {
  return words_of(text, false);
}

std::string lasting_words(std::string_view text) {
  return words_of(text, true);
}

bool is_report(const Message& message) {
  return message.role == "user" && begins_with_any(user_words(message.text), reports);
}

bool is_subagent_task(const Message& message) {
  return message.role == "user" && user_words(message.text).starts_with(subagent_task);
}

Message cleaned(const Message& message) {
  if (message.role != "user") return message;
  Message words = message;
  if (is_report(message)) words.role = "tool";
  words.text = user_words(message.text);
  return words;
}

bool is_client_text(const Message& message) {
  return message.role == "user" && !trimmed(message.text).empty() && user_words(message.text).empty();
}

RuntimeLine runtime_line(const std::vector<Message>& messages) {
  RuntimeLine found;
  for (const Message& message : messages) {
    if (message.role == "system") read_runtime(message.text, found);
    if (message.role != "user") continue;
    read_runtime(message.text, found);
    break;
  }
  return found;
}

bool is_users(const Message& message) {
  return message.role == "user" && !is_client_text(message) && !is_report(message);
}

std::string newest_user_words(const std::vector<Message>& messages) {
  for (auto message = messages.rbegin(); message != messages.rend(); ++message)
    if (is_users(*message)) return user_words(message->text);
  return {};
}

bool is_openclaw(const std::vector<Message>& messages) {
  const RuntimeLine line = runtime_line(messages);
  if (!line.session.empty() || !line.session_id.empty()) return true;
  return std::any_of(messages.begin(), messages.end(), [](const Message& message) {
    if (message.role == "system") return message.text.find("running inside OpenClaw") != std::string::npos;
    return message.role == "user" && message.text.find(carrier_begin) != std::string::npos &&
           message.text.find(carrier_end) != std::string::npos;
  });
}

}  // namespace clawrl
