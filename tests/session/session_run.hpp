#pragma once
// A client of the session store for tests: messages, turns, and what happens when it asks and is answered.

#include <string>
#include <vector>

#include "session/session_store.hpp"

namespace clawrl::test {

using Messages = std::vector<Message>;

inline Message say(const std::string& role, const std::string& text) {
  return {role, text, "", {}, ""};
}
inline Message user(const std::string& text) {
  return say("user", text);
}
inline Message bot(const std::string& text) {
  return say("assistant", text);
}
inline Message system_prompt(const std::string& text) {
  return say("system", text);
}
inline Message calling(std::vector<ToolCall> calls, const std::string& text = "") {
  return {"assistant", text, "", std::move(calls), ""};
}
inline Message result(const std::string& id, const std::string& text) {
  return {"tool", text, "", {}, id};
}
inline Messages operator+(Messages messages, const Messages& more) {
  messages.insert(messages.end(), more.begin(), more.end());
  return messages;
}

/// One store and its clock; turns are numbered 1, 2, ...
struct SessionRun {
  explicit SessionRun(SessionLimits limits = {}) : store(limits) {}

  /// How a client speaks: the ids of its requests.
  struct Voice {
    std::string key, session, client_request_id, prompt_cache_key, user;
  };
  struct Asked {
    Turn turn;
    std::vector<LinkedTurn> linked;
    std::int64_t answers() const { return linked.size() == 1 ? linked[0].id.value : 0; }
  };

  Asked ask(const Messages& messages, const Voice& voice = {}) {
    Asked asked;
    asked.turn.id = {++turns};
    asked.turn.messages = messages;
    asked.turn.key = voice.key;
    asked.turn.user = voice.user;
    RequestClaim claim{asked.turn.messages,    voice.key,  voice.session,    voice.client_request_id,
                       voice.prompt_cache_key, voice.user, !messages.empty()};
    Placement placement = store.place(claim, asked.turn.id, now);
    asked.turn.session = placement.session;
    asked.turn.index = placement.index;
    asked.linked = std::move(placement.linked);
    return asked;
  }
  std::optional<LinkedTurn> answer(Asked& asked, const Message& reply) {
    asked.turn.reply = reply.text;
    asked.turn.reply_message = reply;
    asked.turn.state = TurnState::answered;
    return store.answered(asked.turn, now);
  }
  Asked exchange(const Messages& messages, const std::string& reply, const Voice& voice = {}) {
    Asked asked = ask(messages, voice);
    answer(asked, bot(reply));
    return asked;
  }

  SessionStore store;
  double now = 0;
  std::int64_t turns = 0;
};

inline std::vector<std::int64_t> ids(const std::vector<EndedTurn>& ended) {
  std::vector<std::int64_t> values;
  for (const EndedTurn& one : ended) values.push_back(one.id.value);
  return values;
}

}  // namespace clawrl::test
