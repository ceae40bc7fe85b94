// Thoughts and tool calls of live requests: what the client gets, what the journal keeps, and how the session goes on.

#include "roles/request_run.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Desk = LiveRequests;
using Kind = Constraint::Kind;

namespace {

RequestDeskSettings qwen() {
  RequestDeskSettings settings = Desk::standard();
  settings.reply_format = {ToolFormat::hermes, true};
  return settings;
}

ChatRequest with_tools(const std::string& session = "alice") {
  ChatRequest request = Desk::request("How is the weather?", session);
  request.tools = R"([{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}])";
  return request;
}

const std::string call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";

}  // namespace

TEST_CASE("thoughts, text and a call reach the client apart; the turn keeps both forms and the ids sampled") {
  Desk d(qwen());
  const auto sink = d.start(1, with_tools());
  d.tokens(1, "<think>\nhm</think>\n\nI look.\n" + call.substr(0, 30));
  CHECK(sink->reasoning == "hm");
  CHECK(sink->text == "I look.");
  CHECK(sink->calls.empty());
  d.tokens(1, call.substr(30), FinishReason::stop);
  d.wait(*sink);
  CHECK(sink->reason == "tool_calls");
  REQUIRE(d.answered.size() == 1);
  const auto turn = d.journal.turn(d.answered[0].id);
  REQUIRE(turn);
  CHECK(sink->calls == std::vector<ToolCall>{{tool_call_id(turn->id.value, 0), "f", "{\"a\": 1}"}});
  CHECK(turn->reply == "<think>\nhm</think>\n\nI look.\n" + call);
  CHECK(turn->reply_message == Message{"assistant", "I look.", "hm", sink->calls, ""});
  CHECK(turn->completion.finish == FinishReason::stop);
  CHECK(d.tokenizer.decode(turn->completion.ids, false) == turn->reply);
}

TEST_CASE("the tool's result is the next state of a turn that called it") {
  Desk d(qwen());
  const auto sink = d.start(1, with_tools());
  d.tokens(1, call, FinishReason::stop);
  d.wait(*sink);
  ChatRequest next = with_tools();
  next.messages.push_back({"assistant", "", "", sink->calls, ""});
  next.messages.push_back({"tool", "sunny", "", {}, sink->calls.at(0).id});
  const auto second = d.start(2, next);
  REQUIRE(d.linked.size() == 1);
  CHECK(d.linked[0].id == d.answered[0].id);
  REQUIRE(d.linked[0].next_state.size() == 1);
  CHECK(d.linked[0].next_state[0].role == "tool");
  d.tokens(2, call, FinishReason::stop);
  d.wait(*second);
  CHECK(second->calls.at(0).id != sink->calls.at(0).id);
}

TEST_CASE("without tools, or when JSON is demanded, nothing is a call") {
  Desk d(qwen());
  ChatRequest plain = Desk::request("Hi");
  ChatRequest json = with_tools();
  json.constraint = {Kind::json_object, "", ""};
  std::uint64_t ticket = 0;
  for (const ChatRequest& request : {plain, json}) {
    ++ticket;
    const auto sink = d.start(ticket, request);
    d.tokens(ticket, call, FinishReason::stop);
    d.wait(*sink);
    CHECK(sink->text == call);
    CHECK(sink->calls.empty());
    CHECK(sink->reason == "stop");
  }
}

TEST_CASE("a stop text counts in the answer only") {
  Desk d(qwen());
  ChatRequest request = with_tools();
  request.stop = {"hm"};
  const auto sink = d.start(1, request);
  d.tokens(1, "<think>\nhm\n</think>\n\nWell, h");
  CHECK(sink->reasoning == "hm");
  CHECK(sink->text == "Well, ");
  d.tokens(1, "m, no");
  d.wait(*sink);
  CHECK(sink->text == "Well, ");
  CHECK(sink->reason == "stop");
  CHECK(d.mailbox.take<messages::Cancel>().size() == 1);
  CHECK(d.answered.at(0).reply == "<think>\nhm\n</think>\n\nWell, ");
}

TEST_CASE("a demanded call goes to the engine and streams; one that cannot be demanded is refused") {
  Desk d(qwen());
  ChatRequest request = with_tools();
  request.constraint = {Kind::tool_call, request.tools, "f"};
  const auto sink = d.start(1, request);
  CHECK(d.mailbox.take<messages::Generate>().at(0).message.request.constraint == request.constraint);
  d.tokens(1, call.substr(0, call.find("1}}")));
  REQUIRE(sink->calls.size() == 1);
  CHECK(sink->calls[0].arguments == "{\"a\": ");
  d.tokens(1, "1}", FinishReason::length);
  d.wait(*sink);
  CHECK(sink->reason == "length");

  ChatRequest schema = Desk::request("Hi");
  schema.constraint = {Kind::json_schema, R"({"type":"object","unevaluatedItems":{"type":"string"}})", ""};
  const auto unsupported = d.start(2, schema);
  CHECK(unsupported->error.status == 400);
  CHECK(unsupported->error.param == "response_format");
  CHECK_THAT(unsupported->error.message, Catch::Matchers::Contains("unevaluatedItems"));

  Desk other;
  const auto refused = other.start(1, request);
  CHECK(refused->error.status == 400);
  CHECK(refused->error.param == "tool_choice");
  CHECK(other.meter.invalid == 1);
}

TEST_CASE("template arguments are kept with the turn; a continued message is not learned from") {
  Desk d(qwen());
  ChatRequest request = with_tools();
  request.template_arguments = R"({"enable_thinking":false})";
  const auto sink = d.start(1, request);
  d.tokens(1, "Fine.", FinishReason::stop);
  d.wait(*sink);
  CHECK(d.journal.turn(d.answered.at(0).id)->template_arguments == request.template_arguments);
  ChatRequest goes_on = Desk::request("Hi", "bob");
  goes_on.messages.push_back({"assistant", "<think>\nFirst", "", {}, ""});
  goes_on.continue_final_message = true;
  goes_on.add_generation_prompt = false;
  const auto more = d.start(2, goes_on);
  d.tokens(2, " this</think>Hello.", FinishReason::stop);
  d.wait(*more);
  CHECK(more->reasoning == " this");
  CHECK(more->text == "Hello.");
  CHECK(d.answered.size() == 1);
  CHECK(d.journal.turns_in(TurnState::side).size() == 1);
}

TEST_CASE("a conversation that cannot be a prompt is refused before it is encoded, and nothing dies of it") {
  RequestDeskSettings settings = qwen();
  settings.context = 64;
  Desk d(settings);
  ChatRequest deep = with_tools();
  deep.messages.push_back({"assistant", "", "", {{"1", "f", std::string(98, '[') + std::string(98, ']')}}, ""});
  CHECK(d.start(1, deep)->error.status == 400);

  ChatRequest large = with_tools();  // its arguments are what is long
  large.messages.push_back({"assistant", "", "", {{"1", "f", "{\"a\": \"" + std::string(5000, 'x') + "\"}"}}, ""});
  ChatRequest many = Desk::request("");
  many.messages.resize(65, many.messages[0]);
  for (const ChatRequest& request : {large, many}) {
    const auto sink = d.start(2, request);
    CHECK(sink->error.code == "context_length_exceeded");
    CHECK_THAT(sink->error.message, Catch::Matchers::Contains("more than 64 tokens"));
  }
  CHECK(d.mailbox.posted.empty());
}

TEST_CASE("an agent that asks for a handful of tokens has its window set too small: said once") {
  LiveRequests live;
  ChatRequest request = LiveRequests::request();
  request.max_tokens = 8;
  live.start(1, request);
  CHECK(live.warnings.empty());  // no agent: no tools
  request.tools = R"([{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";
  for (std::uint64_t ticket = 2; ticket < 4; ++ticket) live.start(ticket, request);
  request.max_tokens = 200;
  live.start(4, request);
  REQUIRE(live.warnings.size() == 1);
  CHECK(live.warnings[0].find("at most 8 tokens") != std::string::npos);
  CHECK(live.warnings[0].find("apples") == std::string::npos);
}
