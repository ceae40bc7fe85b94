// What is kept of a request: redacted texts, nothing where a client opted out, and what the model gets all the same.

#include <fstream>
#include <iterator>

#include "roles/request_run.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Desk = LiveRequests;

namespace {

RequestDeskSettings redacting() {
  RequestDeskSettings settings = Desk::standard();
  settings.redactor = std::make_shared<Redactor>();
  return settings;
}

const std::string address = "mia@stone.org";

/// All bytes of the journal's files.
std::string on_disk(const Desk& d) {
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(d.folder.path)) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  return bytes;
}

std::shared_ptr<Sink> answered(Desk& d, std::uint64_t ticket, const ChatRequest& request, const std::string& reply) {
  const auto sink = d.start(ticket, request);
  d.tokens(ticket, reply, FinishReason::stop);
  d.wait(*sink);
  d.settle();
  return sink;
}

Turn only_turn(Desk& d, const std::string& session) {
  const auto ids = d.journal.turns_of(session);
  REQUIRE(ids.size() == 1);
  return d.journal.turn(ids[0]).value();
}

ChatRequest next_of(ChatRequest request, const std::string& reply, const std::string& said) {
  request.messages.push_back({"assistant", reply, "", {}, ""});
  request.messages.push_back({"user", said, "", {}, ""});
  return request;
}

}  // namespace

TEST_CASE("the model reads the address, the journal does not") {
  Desk d(redacting());
  const ChatRequest request = Desk::request("Write to " + address, "alice");
  const auto sink = answered(d, 1, request, "To " + address + ": hi.");
  CHECK(sink->text == "To " + address + ": hi.");
  CHECK(sink->usage.prompt_tokens > 0);
  CHECK(sink->usage.completion_tokens > 0);
  CHECK(d.mailbox.take<messages::Generate>()[0].message.request.prompt ==
        d.chat_template.render_ids(d.tokenizer, request.messages, ""));
  const Turn turn = only_turn(d, "alice");
  CHECK(turn.state == TurnState::excluded);
  CHECK(turn.exclusion == "redacted");
  CHECK(turn.messages[0].text == "Write to [redacted:email]");
  CHECK(turn.reply == "To [redacted:email]: hi.");
  CHECK(turn.reply_message.text == "To [redacted:email]: hi.");
  CHECK(turn.prompt.empty());
  CHECK(turn.completion.ids.empty());
  CHECK(turn.completion.logprobs.empty());
  CHECK(d.answered.empty());  // nobody waits for its next state to judge it
  CHECK(on_disk(d).find(address) == std::string::npos);
}

TEST_CASE("a hit in tools or in the reply alone is one, too; a turn without hits keeps its ids") {
  Desk d(redacting());
  ChatRequest tools = Desk::request("Hi", "tools");
  tools.tools = "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"asks " + address + "\"}}]";
  answered(d, 1, tools, "Fine.");
  CHECK(only_turn(d, "tools").exclusion == "redacted");
  answered(d, 2, Desk::request("Hi", "reply"), "Ask " + address);
  CHECK(only_turn(d, "reply").exclusion == "redacted");
  answered(d, 3, Desk::request("Hi", "clean"), "Fine.");
  const Turn clean = only_turn(d, "clean");
  CHECK(clean.state == TurnState::answered);
  CHECK(clean.prompt.size() > 1);
  CHECK(clean.completion.logprobs.size() == clean.completion.ids.size());
  CHECK(d.answered.size() == 1);
  CHECK(on_disk(d).find(address) == std::string::npos);
}

TEST_CASE("redacted turns are linked like others, and next states are redacted") {
  Desk d(redacting());
  ChatRequest request = Desk::request("Mail " + address, "alice");
  answered(d, 1, request, "Which text for " + address + "?");
  request = next_of(request, "Which text for " + address + "?", "Call +49 170 1234567 instead");
  d.start(2, request);
  REQUIRE(d.linked.size() == 1);
  CHECK(d.linked[0].id == d.journal.turns_of("alice").at(0));
  REQUIRE(d.linked[0].next_state.size() == 1);
  CHECK(d.linked[0].next_state[0].text == "Call [redacted:phone] instead");
}

TEST_CASE("a clean turn whose next message holds something private is judged by the redacted one") {
  Desk d(redacting());
  ChatRequest request = Desk::request("Hi", "alice");
  answered(d, 1, request, "Hello.");
  d.start(2, next_of(request, "Hello.", "No bold text, and mail me: " + address));
  REQUIRE(d.linked.size() == 1);
  CHECK(d.linked[0].next_state[0].text == "No bold text, and mail me: [redacted:email]");
  REQUIRE(d.answered.size() == 1);
  CHECK(d.answered[0].prompt.size() > 1);
}

TEST_CASE("half replies are redacted, too") {
  Desk d(redacting());
  d.start(1, Desk::request("Hi", "cancelled"));
  d.tokens(1, "Mail " + address + " or");
  d.desk.cancel(1);
  d.start(2, Desk::request("Mail " + address, "failed"));
  d.desk.fail_all("the server is stopping");
  d.settle();
  CHECK(only_turn(d, "cancelled").reply == "Mail [redacted:email] or");
  CHECK(only_turn(d, "cancelled").completion.ids.empty());
  CHECK(only_turn(d, "failed").state == TurnState::aborted);
  CHECK(on_disk(d).find(address) == std::string::npos);
}

TEST_CASE("an address as user or session id is a name made of its hash") {
  Desk d(redacting());
  ChatRequest request = Desk::request("Hi", address);
  request.user = address;
  answered(d, 1, request, "Hello.");
  const std::string name = Redactor().identifier(address);
  const Turn turn = only_turn(d, name);
  CHECK(turn.user == name);
  CHECK(on_disk(d).find(address) == std::string::npos);
}

TEST_CASE("store only: on record, never learned from, and still linked") {
  Desk d;
  ChatRequest request = Desk::request("Hi", "alice");
  request.learning = Learning::store;
  answered(d, 1, request, "Hello.");
  const Turn turn = only_turn(d, "alice");
  CHECK(turn.state == TurnState::excluded);
  CHECK(turn.exclusion == "opted_out");
  CHECK(turn.learning == Learning::store);
  CHECK(turn.completion.ids.size() > 0);
  CHECK(d.answered.empty());
  d.start(2, next_of(request, "Hello.", "Go on"));
  CHECK(d.linked.size() == 1);
}

TEST_CASE("off: answered, and nothing of it is left") {
  Desk d;
  ChatRequest request = Desk::request("A marker: quokka-7", "alice");
  request.learning = Learning::off;
  const auto sink = answered(d, 1, request, "The quokka-7 it is.");
  CHECK(sink->text == "The quokka-7 it is.");
  CHECK(sink->reason == "stop");
  CHECK(sink->usage.completion_tokens > 0);
  d.start(2, request);
  d.desk.cancel(2);
  d.start(3, request);
  d.desk.fail_all("the server is stopping");
  d.settle();
  CHECK(d.journal.turns_of("alice").empty());
  CHECK(d.journal.summary().turns.empty());
  CHECK(on_disk(d).find("quokka-7") == std::string::npos);
  CHECK(d.answered.empty());
  CHECK(d.sessions.kept_turns() == 0);
  CHECK(d.desk.active() == 0);
}

TEST_CASE("the server's default is a bound, not a wish") {
  RequestDeskSettings settings = Desk::standard();
  settings.learning = Learning::store;
  Desk d(settings);
  answered(d, 1, Desk::request("Hi", "asks for learning"), "Hello.");
  CHECK(only_turn(d, "asks for learning").exclusion == "opted_out");
}

TEST_CASE("a rule for a session counts for its later requests, after a restart too, until it is lifted") {
  Desk d;
  ChatRequest request = Desk::request("Hi", "alice");
  request.learning = Learning::off;
  request.learning_for_session = true;
  answered(d, 1, request, "Hello.");
  ChatRequest silent = Desk::request("Hi again", "alice");
  answered(d, 2, silent, "Hello.");
  CHECK(d.journal.turns_of("alice").empty());
  answered(d, 3, Desk::request("Hi", "bob"), "Hello.");
  CHECK(d.journal.turns_of("bob").size() == 1);
  RequestDesk restarted(
      d.mailbox, d.journal, d.sessions, d.meter, d.tokenizer, d.chat_template, Desk::standard(),
      {[](LinkedTurn) {}, [](const Turn&) {}, [](EndedTurn) {}, [](std::int64_t) {}, [] { return false; }});
  const auto sink = std::make_shared<Sink>();
  restarted.start(4, silent, sink);
  restarted.fail_all("over");
  d.settle();
  CHECK(d.journal.turns_of("alice").empty());
  silent.learning_for_session = true;  // "learn, for this session"
  answered(d, 5, silent, "Hello.");
  CHECK(d.journal.turns_of("alice").size() == 1);
  CHECK(d.journal.session_learning().empty());
  CHECK(on_disk(d).find("quokka") == std::string::npos);
}
