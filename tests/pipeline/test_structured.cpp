// Replies that are held to a form, from the request to the training step: JSON by a schema, calls on demand.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "frontend/openai_client.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

const char* const tools = R"([{"type":"function","function":{"name":"buy","parameters":{"type":"object",
  "properties":{"item":{"enum":["apple","pear"]},"count":{"type":"integer","minimum":0,"maximum":20}},
  "required":["item","count"],"additionalProperties":false}}}])";
// Without thoughts: a demo policy that begins to think does not always end.
const char* const on_demand = R"({"tool_choice":"required","chat_template_kwargs":{"enable_thinking":false}})";
const char* const by_schema =
    R"({"chat_template_kwargs":{"enable_thinking":false},"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":
  {"type":"object","properties":{"name":{"type":"string","maxLength":12},
   "apples":{"type":"integer","minimum":0,"maximum":99}},"required":["name","apples"],"additionalProperties":false}}}})";

Message said(const char* role, const std::string& text) {
  Message message;
  message.role = role;
  message.text = text;
  return message;
}

ChatOptions options_of(const std::string& session, const std::string& fields, bool stream) {
  ChatOptions options;
  options.model = "clawrl-demo";
  options.session = session;
  options.turn_type = TurnType::main;
  options.max_tokens = 1500;  // the demo policy knows no calls: it may write several
  options.fields = fields;
  options.stream = stream;
  return options;
}

/// Asks, and complains on purpose: what the demo judge makes of such replies is anybody's guess.
ChatReply ask_and_complain(const ServerUrl& server, ChatOptions options) {
  OpenAiClient client(server, 60s);
  std::vector<Message> messages = {said("user", "Mia Stone has 3 red apples. How many red apples does Mia have?")};
  ChatReply reply = client.chat(messages, options);
  INFO(reply.error.message);
  REQUIRE(reply.ok());
  Message assistant = said("assistant", reply.text);
  assistant.tool_calls = reply.tool_calls;
  messages.push_back(assistant);
  for (const ToolCall& call : reply.tool_calls) {
    messages.push_back(said("tool", "done"));
    messages.back().tool_call_id = call.id;
  }
  const Json down = {
      {"session_id", options.session}, {"turn", 0}, {"thumbs", "down"}, {"hint", "Do not use bold text."}};
  REQUIRE(client.post("/v1/feedback", down.dump()).status == 200);
  messages.push_back(said("user", "please skip the bold text"));
  options.fields.clear();
  options.session_done = true;
  REQUIRE(client.chat(messages, options).ok());
  return reply;
}

void check_object(const ChatReply& reply) {
  INFO(reply.text);
  REQUIRE(reply.finish_reason == "stop");
  const Json object = Json::parse(reply.text);
  REQUIRE(object.size() == 2);
  REQUIRE(object["name"].is_string());
  REQUIRE(object["apples"].get<int>() <= 99);
}

void check_calls(const ChatReply& reply) {
  INFO(reply.text);
  REQUIRE(reply.finish_reason == "tool_calls");
  REQUIRE_FALSE(reply.tool_calls.empty());
  for (const ToolCall& call : reply.tool_calls) {
    REQUIRE(call.name == "buy");
    REQUIRE(std::all_of(call.id.begin(), call.id.end(), [](unsigned char c) { return std::isalnum(c); }));
    const Json arguments = Json::parse(call.arguments);
    REQUIRE((arguments["item"] == "apple" || arguments["item"] == "pear"));
    REQUIRE(arguments["count"].get<int>() <= 20);
  }
}

void refuse(const ServerUrl& server, const std::string& fields, const std::string& named, const char* given = "") {
  ChatOptions options = options_of("refused", fields, true);
  options.tools = given;
  const ChatReply reply = OpenAiClient(server, 60s).chat({said("user", "Hello")}, options);
  INFO(fields << ": " << reply.status << " " << reply.error.message);
  REQUIRE(reply.status == 400);
  REQUIRE(reply.error.message.find(named) != std::string::npos);
}

/// Trained samples of this session's first turn carry its masks.
void check_training(const JournalReader& journal, const std::string& session) {
  INFO(session);
  const Turn turn = journal.turn(journal.turns_of(session).at(0)).value();
  INFO(turn.reply << " is " << name(turn.state) << " " << turn.exclusion);
  REQUIRE(turn.completion.masks.rows.size() == turn.completion.ids.size());
  REQUIRE_FALSE(turn.next_state.empty());
  REQUIRE(turn.state == TurnState::trained);
}

}  // namespace

TEST_CASE("replies in a demanded form are well-formed and are trained under their masks") {
  Workspace workspace("structured");
  const std::string out = workspace.path("run");
  JobProcess job({.out = out, .arguments = {"--samples.method=combined_topk", "--samples.batch=1"}});
  const ServerUrl server = job.wait_until_serving();
  for (int i = 0; i < 4; ++i) {
    const bool stream = i % 2 == 0;
    check_object(ask_and_complain(server, options_of("object-" + std::to_string(i), by_schema, stream)));
    ChatOptions calling = options_of("call-" + std::to_string(i), on_demand, stream);
    calling.tools = tools;
    check_calls(ask_and_complain(server, calling));
  }
  refuse(server, R"({"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"not":{}}}}})", "not");
  refuse(server, R"({"tool_choice":"required"})", "tool");
  refuse(server, R"({"tool_choice":{"type":"function","function":{"name":"sell"}}})", "sell", tools);
  REQUIRE(job.wait_for("step 8 "));
  job.stop();
  REQUIRE(job.wait() == 0);
  const JournalReader journal(journal_of(out));
  for (int i = 0; i < 4; ++i)
    for (const char* kind : {"object-", "call-"}) check_training(journal, kind + std::to_string(i));
  for (const auto& problems : {turn_problems(journal), step_problems(journal)}) {
    INFO(joined(problems));
    REQUIRE(problems.empty());
  }
  workspace.done();
}

}  // namespace clawrl::test
