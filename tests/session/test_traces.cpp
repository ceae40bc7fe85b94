// Recorded traces (tests/session/traces/README.md): what real clients sent, replayed with and without what they say of
// their sessions.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "frontend/openai_json.hpp"
#include "session/session_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Json = nlohmann::json;

namespace {

enum class Replay { as_it_is, without_ids, without_runtime_line };

std::vector<std::filesystem::path> trace_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(CLAWRL_SOURCE_DIR "/tests/session/traces"))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Json> events_of(const std::filesystem::path& file) {
  std::vector<Json> events;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) events.push_back(Json::parse(line));
  return events;
}

void remove_runtime_line(std::string& text) {
  const auto begin = text.find("Runtime: agent=");
  if (begin == std::string::npos) return;
  text.erase(begin, text.find('\n', begin) == std::string::npos ? std::string::npos : text.find('\n', begin) - begin);
}

ChatRequest request_of(const Json& event, Replay replay) {
  Json body = event.at("body");
  const bool ids = replay == Replay::as_it_is;
  if (!ids)
    for (const char* field : {"session_id", "prompt_cache_key", "user"}) body.erase(field);
  const Json headers = event.value("headers", Json::object());
  const auto header = [&](std::string name) -> std::optional<std::string> {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool names_session =
        name == "x-session-id" || name == "x-session-affinity" || name == "session_id" || name == "x-client-request-id";
    if (!headers.contains(name) || (!ids && names_session)) return std::nullopt;
    return headers.at(name).get<std::string>();
  };
  ChatRequest request =
      parse_chat_request(body.dump(), request_headers([&](const char* name) { return header(name); })).request;
  if (replay == Replay::without_runtime_line)
    for (Message& message : request.messages) remove_runtime_line(message.text);
  return request;
}

Message reply_of(const Json& event) {
  const Json& message = event.at("message");
  const auto text = [&](const char* field) {
    return message.contains(field) && message[field].is_string() ? message[field].get<std::string>() : std::string();
  };
  Message reply{"assistant", text("content"), text("reasoning_content"), {}, ""};
  for (const Json& call : message.value("tool_calls", Json::array()))
    reply.tool_calls.push_back(
        {call.value("id", ""), call.at("function").at("name"), call.at("function").value("arguments", "")});
  return reply;
}

struct Figures {
  int requests = 0, links = 0, right = 0, wrong = 0;
};

/// One file; checks what is expected of each request.
class Trace {
 public:
  Trace(Replay replay, Figures& figures) : replay_(replay), figures_(figures) {}

  void take(const Json& event) {
    const std::string kind = event.at("event");
    if (kind == "request") return ask(event);
    if (kind == "end") return end(event);
    const auto asked = asked_.find(event.at("id"));
    if (asked == asked_.end()) return;  // a side call
    if (kind == "abort") return run_.store.aborted(asked->second.turn.id);
    SessionRun::Asked& one = asked->second;
    one.turn.reply_message = reply_of(event);
    one.turn.reply = event.value("raw", one.turn.reply_message.text);
    one.turn.state = TurnState::answered;
    if (const auto linked = run_.store.answered(one.turn, run_.now)) note(*linked);
  }

 private:
  void ask(const Json& event) {
    const int id = event.at("id");
    const Json& expect = event.at("expect");
    const ChatRequest request = request_of(event, replay_);
    RequestClaim claim{request.messages, request.key, request.session};
    claim.client_request_id = request.client_request_id;
    claim.prompt_cache_key = request.prompt_cache_key;
    claim.user = request.user;
    claim.tools = !request.tools.empty();
    claim.turn_type = request.turn_type;
    const bool main = expect.value("type", "main") == "main";
    INFO("request " << id);
    if (replay_ == Replay::as_it_is) CHECK((turn_type_of(claim) == TurnType::main) == main);
    if (!main) return;
    ++figures_.requests;
    SessionRun::Asked& asked = asked_[id];
    asked.turn.id = {id};
    asked.turn.messages = request.messages;
    run_.now += 1;
    const Placement placement = run_.store.place(claim, asked.turn.id, run_.now);
    asked.turn.session = placement.session;
    asked.turn.index = placement.index;
    std::set<std::int64_t> expected = expect.value("answers", std::set<std::int64_t>());
    for (const LinkedTurn& linked : placement.linked) {
      const bool right = expected.erase(linked.id.value) > 0;
      ++(right ? figures_.right : figures_.wrong);
      if (!right) FAIL_CHECK("linked to " << linked.id.value);
      CHECK(asked_.at(static_cast<int>(linked.id.value)).turn.session == placement.session);
    }
    figures_.links += static_cast<int>(expect.value("answers", Json::array()).size());
    for (const std::int64_t missed : expected) FAIL_CHECK("not linked to " << missed);
    if (!placement.linked.empty() && expect.contains("next_state")) {
      std::vector<std::string> texts;
      for (const Message& message : placement.linked.back().next_state) texts.push_back(message.text);
      CHECK(texts == expect.at("next_state").get<std::vector<std::string>>());
    }
    check_session(expect, placement.session);
  }

  void check_session(const Json& expect, const std::string& session) {
    if (!expect.contains("session") || replay_ != Replay::as_it_is) return;
    const auto [label, fresh] = sessions_.try_emplace(expect.at("session").get<std::string>(), session);
    CHECK(label->second == session);
    if (fresh) CHECK(names_.insert(session).second);
  }

  void note(const LinkedTurn& linked) {  // found when the reply ended
    ++figures_.right;
    CHECK(asked_.contains(static_cast<int>(linked.id.value)));
  }

  void end(const Json& event) {
    const auto session = sessions_.find(event.value("session", ""));
    if (session == sessions_.end()) return;
    const auto expected = event.value("superseded", std::set<std::int64_t>());
    for (const EndedTurn& ended : run_.store.end(session->second))
      CHECK(ended.superseded == expected.contains(ended.id.value));
  }

  Replay replay_;
  Figures& figures_;
  SessionRun run_;
  std::map<int, SessionRun::Asked> asked_;
  std::map<std::string, std::string> sessions_;  // label -> name
  std::set<std::string> names_;
};

}  // namespace

TEST_CASE("recorded requests are linked to the turns that they answer, whatever the client says of its session") {
  REQUIRE_FALSE(trace_files().empty());
  for (const Replay replay : {Replay::as_it_is, Replay::without_ids, Replay::without_runtime_line}) {
    static const char* const names[] = {"as recorded", "without ids", "without ids and Runtime line"};
    Figures figures;
    for (const auto& file : trace_files()) {
      INFO(file.filename().string() << " " << names[static_cast<int>(replay)]);
      Trace trace(replay, figures);
      for (const Json& event : events_of(file)) trace.take(event);
    }
    std::cout << names[static_cast<int>(replay)] << ": " << figures.requests << " main requests, " << figures.links
              << " links expected, right " << figures.right << ", wrong " << figures.wrong << "\n";
    CHECK(figures.wrong == 0);
    CHECK(figures.right == figures.links);
  }
}
