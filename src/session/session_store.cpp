#include "session/session_store.hpp"

#include <algorithm>

#include "prompt/same_calls.hpp"

namespace clawrl {
namespace {

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::vector<Message> until_assistant(const std::vector<Message>& messages, std::size_t begin) {
  std::vector<Message> out;
  for (std::size_t i = begin; i < messages.size() && messages[i].role != "assistant"; ++i) out.push_back(messages[i]);
  return out;
}

bool same_ids(const std::vector<ToolCall>& a, const std::vector<ToolCall>& b) {
  return !a.empty() && std::equal(a.begin(), a.end(), b.begin(), b.end(),
                                  [](const ToolCall& x, const ToolCall& y) { return x.id == y.id && !x.id.empty(); });
}

bool same_reply(const Message& sent_back, const std::string& raw, const Message& message) {
  if (same_ids(sent_back.tool_calls, message.tool_calls)) return true;
  const std::string text = trimmed(sent_back.text);
  if (text == raw && sent_back.tool_calls.empty()) return true;
  return text == message.text && message.role == "assistant" && same_calls(sent_back.tool_calls, message.tool_calls);
}

}  // namespace

SessionStore::Session& SessionStore::touch(const std::string& session, double now) {
  Session& s = sessions_[session];
  s.last_seen = now;
  return s;
}

std::vector<LinkedTurn> SessionStore::link(const std::string& session, const std::vector<Message>& request,
                                           double now) {
  Session& s = touch(session, now);
  std::vector<LinkedTurn> linked;
  std::erase_if(s.open, [&](const OpenTurn& turn) {
    if (turn.place == 0 || request.size() <= turn.place + 1) return false;
    const Message& reply = request[turn.place];
    if (reply.role != "assistant" || !same_reply(reply, turn.reply, turn.message)) return false;
    if (request[turn.place - 1].text != turn.asked) return false;
    linked.push_back({turn.id, until_assistant(request, turn.place + 1)});
    return true;
  });
  open_ -= linked.size();
  return linked;
}

std::int32_t SessionStore::next_index(const std::string& session, double now) {
  return touch(session, now).turns++;
}

void SessionStore::answered(const Turn& turn, double now) {
  OpenTurn open;
  open.id = turn.id;
  open.place = turn.messages.size();
  open.asked = turn.messages.empty() ? "" : turn.messages.back().text;
  open.reply = trimmed(turn.reply);
  open.message = turn.reply_message;
  open.message.text = trimmed(open.message.text);
  Session& s = touch(turn.session, now);
  s.turns = std::max(s.turns, turn.index + 1);
  s.open.push_back(std::move(open));
  ++open_;
}

std::vector<TurnId> SessionStore::end(const std::string& session) {
  std::vector<TurnId> turns;
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return turns;
  for (const OpenTurn& turn : found->second.open) turns.push_back(turn.id);
  open_ -= turns.size();
  sessions_.erase(found);
  return turns;
}

std::vector<TurnId> SessionStore::expire(double now) {
  std::vector<std::string> over;
  std::vector<std::pair<double, std::string>> others;  // by last traffic
  for (const auto& [name, session] : sessions_) {
    if (now - session.last_seen >= idle_s_)
      over.push_back(name);
    else if (open_ > max_open_)
      others.emplace_back(session.last_seen, name);
  }
  std::vector<TurnId> turns;
  const auto end_one = [&](const std::string& name) {
    for (TurnId id : end(name)) turns.push_back(id);
  };
  for (const std::string& name : over) end_one(name);
  std::sort(others.begin(), others.end());
  for (std::size_t i = 0; open_ > max_open_ && i < others.size(); ++i) end_one(others[i].second);
  std::sort(turns.begin(), turns.end());
  return turns;
}

}  // namespace clawrl
