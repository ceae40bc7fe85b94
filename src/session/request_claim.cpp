#include "session/request_claim.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "session/client_text.hpp"

namespace clawrl {
namespace {

// System prompts of calls that a client makes for itself.
constexpr std::array<std::string_view, 3> side_systems = {"You are a context summarization assistant",  // compaction
                                                          "Write an Activity recap",  // progress line of a run
                                                          "Reply with OK. Do not use tools."};  // probe
// User texts of such calls.
constexpr std::array<std::string_view, 4> side_words = {"Pre-compaction memory flush.",
                                                        "Follow the heartbeat monitor scratch context",
                                                        "Read HEARTBEAT.md", "Reply with OK. Do not use tools."};

template <class Markers>
bool begins_with_any(std::string_view text, const Markers& markers) {
  return std::any_of(markers.begin(), markers.end(), [&](std::string_view marker) { return text.starts_with(marker); });
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

/// Bytes of the id before ":<digits>" at its end.
std::size_t length_before_count(std::string_view id) {
  const auto colon = id.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == id.size()) return id.size();
  const auto count = id.substr(colon + 1);
  return std::all_of(count.begin(), count.end(), [](char c) { return c >= '0' && c <= '9'; }) ? colon : id.size();
}

bool asks_for_heartbeat(const std::string& words) {
  return words.find("HEARTBEAT.md") != std::string::npos && words.find("HEARTBEAT_OK") != std::string::npos;
}

/// Open WebUI asks for titles, tags and follow-up questions like this.
bool is_chore(const std::string& words) {
  return words.starts_with("### Task:\n") && words.find("<chat_history>") != std::string::npos;
}

}  // namespace

std::string stated_session(const RequestClaim& claim) {
  if (claim.stated.empty()) {
    const RuntimeLine line = runtime_line(claim.messages);
    return line.session_id.empty() ? line.session : line.session_id;
  }
  const std::size_t length = length_before_count(claim.stated);
  if (length == claim.stated.size()) return claim.stated;
  const std::string rest = claim.stated.substr(0, length);
  return is_uuid(rest) || is_openclaw(claim.messages) ? rest : claim.stated;
}

TurnType turn_type_of(const RequestClaim& claim) {
  if (claim.turn_type) return *claim.turn_type;
  const auto system = std::find_if(claim.messages.begin(), claim.messages.end(),
                                   [](const Message& message) { return message.role == "system"; });
  if (system != claim.messages.end() && begins_with_any(trimmed(system->text), side_systems)) return TurnType::side;
  const std::string words = newest_user_words(claim.messages);
  if (begins_with_any(words, side_words) || asks_for_heartbeat(words) || is_chore(words)) return TurnType::side;
  const std::string session = runtime_line(claim.messages).session;
  for (const std::string& id : {session, claim.stated})
    if (id.find(":internal-session-effects:") != std::string::npos || id.find(":cron:") != std::string::npos)
      return TurnType::side;
  return !claim.tools && is_openclaw(claim.messages) ? TurnType::side : TurnType::main;
}

std::string session_name(const std::string& key, const std::string& id) {
  return key.empty() ? id : key + ":" + id;
}

std::string own_session(TurnId turn) {
  return "request-" + std::to_string(turn.value);
}

}  // namespace clawrl
