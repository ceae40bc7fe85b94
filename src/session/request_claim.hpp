#pragma once
// What a request says about itself: which conversation it claims to belong to, and whether it is the conversation's
// main line or a side call.

#include <optional>
#include <string>
#include <vector>

#include "core/turn.hpp"

namespace clawrl {

/// What the recognition reads of a request. `messages` must outlive it.
struct RequestClaim {
  const std::vector<Message>& messages;
  std::string key;                     // id of the API key; conversations of two keys never meet
  std::string stated;                  // id that the client states for the conversation: header or body
  std::string client_request_id = {};  // weaker ids: many clients use them for something else
  std::string prompt_cache_key = {};
  std::string user = {};
  bool tools = false;  // are tools given?
  std::optional<TurnType> turn_type = std::nullopt;
};

/// The id that names the conversation, or empty: the stated one, else the Runtime line's sessionId or session. OpenClaw
/// appends ":<n>" to its ids, the count of compactions, which begins a new prefix of the same conversation: cut off
/// where the rest is a UUID or the request carries OpenClaw's marks.
std::string stated_session(const RequestClaim& claim);

/// What the client says, else by the signs of a side call: summaries, recaps, titles, probes, memory flushes,
/// heartbeats and scheduled runs, and OpenClaw's calls without tools. Else main.
TurnType turn_type_of(const RequestClaim& claim);

/// As the journal has it: with a key "<key>:<id>".
std::string session_name(const std::string& key, const std::string& id);

/// The id of a conversation that nothing else names.
std::string own_session(TurnId turn);

}  // namespace clawrl
