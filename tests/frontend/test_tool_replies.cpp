// Thoughts and tool calls on their way to a client, streamed and in one piece, and back through our own client.

#include "frontend/openai_client.hpp"
#include "frontend/reply_writer.hpp"
#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

Json delta_of(const std::string& event) {
  const auto data = SseParser().feed(event);
  REQUIRE(data.size() == 1);
  const Json choice = Json::parse(data[0]).at("choices").at(0);
  CHECK(choice.at("index") == 0);
  CHECK(choice.at("finish_reason").is_null());
  return choice.at("delta");
}

}  // namespace

TEST_CASE("deltas of thoughts and calls are those of OpenAI clients") {
  using Kind = ReplyDelta::Kind;
  const auto writer = chat_writer({"chatcmpl-1", 17, "demo"}, false);
  const auto call = [&](ToolCallDelta delta) { return writer->event({Kind::call, 0, "", std::move(delta), {}}); };
  CHECK(delta_of(writer->event({Kind::reasoning, 0, "a\n", {}, {}})) == Json::parse(R"({"reasoning_content":"a\n"})"));
  CHECK(
      delta_of(call({1, "k3Jd92Lqa", "f", ""})) ==
      Json::parse(
          R"({"tool_calls":[{"index":1,"id":"k3Jd92Lqa","type":"function","function":{"name":"f","arguments":""}}]})"));
  CHECK(delta_of(call({1, "", "", "{\"x\""})) ==
        Json::parse(R"({"tool_calls":[{"index":1,"function":{"arguments":"{\"x\""}}]})"));
}

TEST_CASE("a plain reply with calls: content is null only without text") {
  Message reply{"assistant", "", "hm", {{"k3Jd92Lqa", "f", "{\"x\": 1}"}}, ""};
  const auto message = [&] {
    const std::string body = chat_writer({"c", 5, "demo"}, false)->whole({{reply, {}, "tool_calls"}}, {});
    return Json::parse(body)["choices"][0]["message"];
  };
  CHECK(message() == Json::parse(R"({"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
    {"id":"k3Jd92Lqa","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}}]})"));
  reply.text = "I look.";
  CHECK(message()["content"] == "I look.");
  reply = {"assistant", "", "", {}, ""};
  CHECK(message() == Json::parse(R"({"role":"assistant","content":""})"));
}

TEST_CASE("a stream carries thoughts, text and indexed calls in their order") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  client.send(http_post(chat_body("call", true)));
  REQUIRE(client.read_until(kStreamEnd));
  std::vector<Json> deltas;
  Json last;
  for (const std::string& event : events_of(client.received)) {
    if (event == "[DONE]") continue;
    last = Json::parse(event).at("choices").at(0);
    deltas.push_back(last.at("delta"));
  }
  REQUIRE(deltas.size() == 8);
  CHECK(deltas[1]["reasoning_content"] == "hm");
  CHECK(deltas[2]["content"] == "I look.");
  CHECK(deltas[3]["tool_calls"][0]["id"] == "abcdefgh1");
  CHECK(deltas[4]["tool_calls"][0]["function"] == Json::parse(R"({"arguments":"{\"x\":"})"));
  CHECK_FALSE(deltas[5]["tool_calls"][0].contains("id"));
  CHECK(deltas[6]["tool_calls"][0]["index"] == 1);
  CHECK(last["finish_reason"] == "tool_calls");
}

TEST_CASE("our client reads calls from both kinds of reply") {
  FakeService service;
  HttpServer server(settings_with(), service);
  OpenAiClient client("127.0.0.1", server.port());
  ChatOptions options;
  options.model = "demo";
  options.tools = R"([{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";
  options.fields = R"({"tool_choice":"required","enable_thinking":true})";
  options.stream = GENERATE(true, false);
  const ChatReply reply = client.chat({{"user", "call", "", {}, ""}}, options);
  CHECK(reply.ok());
  CHECK(reply.text == "I look.");
  CHECK(reply.reasoning == "hm");
  REQUIRE(reply.tool_calls.size() == 2);
  CHECK(reply.tool_calls[0] == ToolCall{"abcdefgh1", "f", "{\"x\":1}"});
  CHECK(reply.tool_calls[1] == ToolCall{"abcdefgh2", "g", "{}"});
  CHECK(reply.finish_reason == "tool_calls");
  CHECK(service.last().tools == options.tools);
  CHECK(service.last().constraint.kind == Constraint::Kind::tool_call);
  CHECK(service.last().template_arguments == R"({"enable_thinking":true})");
  options.fields = "[";
  CHECK_THROWS_WITH(client.chat({{"user", "call", "", {}, ""}}, options), Catch::Contains("ChatOptions::fields"));
}
