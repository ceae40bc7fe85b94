#include <nlohmann/json.hpp>

#include "frontend/openai_json.hpp"
#include "frontend/reply_writer.hpp"
#include "frontend/sse.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

std::string with(const std::string& fields) {
  return R"({"model":"demo","messages":[{"role":"user","content":"hi"}])" + fields + "}";
}

Json only_event(const std::string& events) {
  const auto parsed = SseParser().feed(events);
  REQUIRE(parsed.size() == 1);
  return Json::parse(parsed[0]);
}

}  // namespace

TEST_CASE("a plain request gets the defaults") {
  const ParsedChat parsed = parse_chat_request(with(""));
  const ChatRequest& request = parsed.request;
  CHECK(request.model == "demo");
  REQUIRE(request.messages.size() == 1);
  CHECK(request.messages[0] == Message{"user", "hi", "", {}, ""});
  CHECK(request.sampling == SamplingParameters{});
  CHECK_FALSE(request.seed_given);
  CHECK_FALSE(request.max_tokens);
  CHECK(request.stop.empty());
  CHECK(request.session.empty());
  CHECK_FALSE(request.turn_type);
  CHECK_FALSE(request.session_done);
  CHECK_FALSE(request.stream);
  CHECK_FALSE(parsed.include_usage);
}

TEST_CASE("every known field is read, unknown and null ones are not in the way") {
  const ParsedChat parsed = parse_chat_request(
      with(R"(,"temperature":0.5,"top_p":0.9,"top_k":40,"seed":-3,"max_tokens":10,"max_completion_tokens":20,"n":1,
        "stop":["a","b"],"stream":true,"stream_options":{"include_usage":true},"session_id":"s 1","turn_type":"side",
        "session_done":true,"user":null,"store":false,"provider":{},"chat_template_kwargs":{"x":[1]},"logit_bias":null,
        "presence_penalty":0.1,"response_format":null)"));
  const ChatRequest& request = parsed.request;
  CHECK(request.sampling.temperature == 0.5F);
  CHECK(request.sampling.top_p == 0.9F);
  CHECK(request.sampling.top_k == 40);
  CHECK(request.sampling.seed == static_cast<std::uint64_t>(-3));
  CHECK(request.seed_given);
  CHECK(request.max_tokens == 20);
  CHECK(request.stop == std::vector<std::string>{"a", "b"});
  CHECK(request.stream);
  CHECK(parsed.include_usage);
  CHECK(request.session == "s 1");
  CHECK(request.turn_type == TurnType::side);
  CHECK(request.session_done);
  CHECK(parse_chat_request(with(R"(,"stop":"x","top_k":-1,"max_tokens":4)")).request.max_tokens == 4);
  CHECK(parse_chat_request(with(R"(,"seed":18446744073709551615)")).request.sampling.seed == ~std::uint64_t{0});
}

TEST_CASE("headers win over body fields") {
  RequestHeaders headers{"from-header", "MAIN", "yes"};
  const auto request = parse_chat_request(with(R"(,"session_id":"b","turn_type":"side")"), headers).request;
  CHECK(request.session == "from-header");
  CHECK(request.turn_type == TurnType::main);
  CHECK(request.session_done);
  headers = {std::nullopt, std::nullopt, "0"};
  CHECK_FALSE(parse_chat_request(with(R"(,"session_done":true)"), headers).request.session_done);
}

TEST_CASE("the session is the first id that is given") {
  RequestHeaders headers;
  const auto session = [&](const std::string& fields = R"(,"session_id":"body")") {
    return parse_chat_request(with(fields), headers).request.session;
  };
  CHECK(session("").empty());
  CHECK(session() == "body");
  headers.session_id_underscored = "underscored";
  CHECK(session() == "underscored");
  headers.session_affinity = "affinity";
  CHECK(session() == "affinity");
  headers.session_id = "named";
  CHECK(session() == "named");
  headers.client_request_id = "request-1";
  const auto request =
      parse_chat_request(with(R"(,"prompt_cache_key":"cache","user":"ann","session_id":null)"), headers).request;
  CHECK(request.client_request_id == "request-1");
  CHECK(request.prompt_cache_key == "cache");
  CHECK(request.user == "ann");
}

TEST_CASE("a word on learning may be for the whole session") {
  const auto read = [](const std::string& fields, std::optional<std::string> header = {}) {
    RequestHeaders headers;
    headers.learning = std::move(header);
    const ChatRequest request = parse_chat_request(with(fields), headers).request;
    return std::make_pair(request.learning, request.learning_for_session);
  };
  CHECK(read("", "off") == std::make_pair(Learning::off, false));
  CHECK(read("", "off; scope=session") == std::make_pair(Learning::off, true));
  CHECK(read("", "Store ;Scope=Session") == std::make_pair(Learning::store, true));
  CHECK(read("", "off; scope=request") == std::make_pair(Learning::off, false));
  CHECK(read(R"(,"metadata":{"learning":"store","learning_scope":"session"})") ==
        std::make_pair(Learning::store, true));
  CHECK(read(R"(,"metadata":{"learning":"on","learning_scope":"session"})") == std::make_pair(Learning::learn, true));
  CHECK_THROWS_AS(read("", "off; scope=day"), RequestError);
  CHECK_THROWS_AS(read("", "off; for=session"), RequestError);
  CHECK_THROWS_AS(read(R"(,"metadata":{"learning_scope":"day"})"), RequestError);
}

TEST_CASE("the strictest word on learning counts") {
  const auto learning = [](const std::string& fields, std::optional<std::string> header = {}) {
    RequestHeaders headers;
    headers.learning = std::move(header);
    return parse_chat_request(with(fields), headers).request.learning;
  };
  CHECK(learning("") == Learning::learn);
  CHECK(learning("", "ON") == Learning::learn);
  CHECK(learning("", "learn") == Learning::learn);
  CHECK(learning("", "store") == Learning::store);
  CHECK(learning("", "off") == Learning::off);
  CHECK(learning(R"(,"metadata":{"learning":"store","x":1})") == Learning::store);
  CHECK(learning(R"(,"metadata":{"learning":false})") == Learning::off);
  CHECK(learning(R"(,"metadata":{"learning":"store"})", "on") == Learning::store);
  CHECK(learning(R"(,"metadata":{"learning":"on"})", "off") == Learning::off);
  CHECK(learning(R"(,"store":false)") == Learning::off);
  CHECK(learning(R"(,"store":false)", "on") == Learning::off);
  CHECK(learning(R"(,"store":true)", "store") == Learning::store);
  CHECK(learning(R"(,"store":null,"metadata":null)") == Learning::learn);
}

TEST_CASE("penalties, bias, several replies and log-probs are read") {
  const auto request = parse_chat_request(with(R"(,"presence_penalty":-1.5,"frequency_penalty":0.5,
    "repetition_penalty":1.1,"logit_bias":{"50":-100,"7":2.5,"9":0},"n":16,"logprobs":true,"top_logprobs":20)"))
                           .request;
  CHECK(request.sampling.presence_penalty == -1.5F);
  CHECK(request.sampling.frequency_penalty == 0.5F);
  CHECK(request.sampling.repetition_penalty == 1.1F);
  CHECK(request.sampling.logit_bias == std::vector<std::pair<TokenId, float>>{{7, 2.5F}, {50, -100}});
  CHECK(request.sampling.adjusted());
  CHECK(request.n == 16);
  CHECK(request.logprobs);
  CHECK(request.top_logprobs == 20);
  CHECK_FALSE(parse_chat_request(with("")).request.sampling.adjusted());
  CHECK_FALSE(
      parse_chat_request(with(R"(,"presence_penalty":0,"repetition_penalty":1,"logit_bias":{},"logprobs":false)"))
          .request.sampling.adjusted());
}

TEST_CASE("messages of an agent client") {
  const auto request = parse_chat_request(R"({"model":"m","messages":[
    {"role":"developer","content":"rules"},
    {"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}],"name":"x"},
    {"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
      {"id":"call1","type":"function","function":{"name":"exec","arguments":"{\"z\":1,\"a\":2}"}},
      {"id":"call2","type":"function","function":{"name":"read","arguments":{"z":1,"a":2}}}]},
    {"role":"tool","tool_call_id":"call1","content":"done"},
    {"role":"assistant"},
    {"role":"user","content":"é \ud83d\ude00"}],
    "tools":[{"type":"function","function":{"name":"exec","parameters":{"type":"object","a":1}}}]})")
                           .request;
  REQUIRE(request.messages.size() == 6);
  CHECK(request.messages[0] == Message{"system", "rules", "", {}, ""});
  CHECK(request.messages[1].text == "one\ntwo");
  CHECK(request.messages[2].text.empty());
  CHECK(request.messages[2].reasoning == "hm");
  REQUIRE(request.messages[2].tool_calls.size() == 2);
  CHECK(request.messages[2].tool_calls[0] == ToolCall{"call1", "exec", R"({"z":1,"a":2})"});
  CHECK(request.messages[2].tool_calls[1] == ToolCall{"call2", "read", R"({"z":1,"a":2})"});
  CHECK(request.messages[3] == Message{"tool", "done", "", {}, "call1"});
  CHECK(request.messages[4].text.empty());
  CHECK(request.messages[5].text == "\xc3\xa9 \xf0\x9f\x98\x80");
  CHECK(request.tools == R"([{"type":"function","function":{"name":"exec","parameters":{"type":"object","a":1}}}])");
}

TEST_CASE("JSON that is only meant to hurt is refused before it is built") {
  std::string deep = R"({"model":"m","x":)";
  CHECK_THROWS_AS(parse_chat_request(deep + std::string(1'000'000, '[')), RequestError);
  CHECK_THROWS_AS(parse_chat_request(with(",\"x\":[" + std::string(2'000'000, ',') + "]")), RequestError);
  const std::string nested = std::string(90, '[') + std::string(90, ']');
  CHECK_NOTHROW(parse_chat_request(with(",\"x\":" + nested)));
  CHECK_NOTHROW(parse_chat_request(with(",\"x\":\"" + std::string(500, '[') + "\\\"" + std::string(500, '{') + "\"")));
}

TEST_CASE("the chunks of a stream are what OpenAI clients read") {
  using Kind = ReplyDelta::Kind;
  const auto writer = chat_writer({"chatcmpl-1", 17, "de\"mo"}, false);
  Json role = only_event(writer->opening(0));
  CHECK(role["id"] == "chatcmpl-1");
  CHECK(role["object"] == "chat.completion.chunk");
  CHECK(role["created"] == 17);
  CHECK(role["model"] == "de\"mo");
  CHECK(role["choices"] ==
        Json::parse(R"([{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}])"));
  const auto content = [&](const std::string& text) {
    return only_event(writer->event({Kind::text, 2, text, {}, {}}))["choices"][0];
  };
  CHECK(content("a\n\"\xc3\xa9")["delta"]["content"] == "a\n\"\xc3\xa9");
  CHECK(content("\xff")["delta"]["content"] == "\xef\xbf\xbd");
  CHECK(content("x")["index"] == 2);
  CHECK(only_event(writer->nothing(1))["choices"] ==
        Json::parse(R"([{"index":1,"delta":{"content":""},"finish_reason":null}])"));

  const Json usage = Json::parse(
      R"({"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4},
          "completion_tokens_details":{"reasoning_tokens":1}})");
  auto last = SseParser().feed(writer->end({Kind::finish, 0, "stop", {}, {}}, {9, 2, 4, 1}, false));
  REQUIRE(last.size() == 2);
  CHECK(Json::parse(last[0])["choices"][0]["finish_reason"] == "stop");
  CHECK(Json::parse(last[0])["choices"][0]["delta"] == Json::object());
  CHECK(Json::parse(last[0])["usage"] == usage);
  CHECK(last[1] == "[DONE]");
  last = SseParser().feed(writer->end({Kind::finish, 0, "length", {}, {}}, {9, 2, 4, 1}, true));
  REQUIRE(last.size() == 3);
  CHECK_FALSE(Json::parse(last[0]).contains("usage"));
  CHECK(Json::parse(last[1])["choices"] == Json::array());
  CHECK(Json::parse(last[1])["usage"] == usage);
  last = SseParser().feed(error_event({500, "", "", "", "gone"}));
  REQUIRE(last.size() == 2);
  CHECK(Json::parse(last[0])["error"]["message"] == "gone");
}

TEST_CASE("log-probs stand on chunks and replies in OpenAI's shape") {
  const std::vector<TokenLogprob> tokens{{"h\xc3", -0.5F, {{"h\xc3", -0.5F}, {"x", -2}}}};
  const Json wanted = Json::parse(R"({"content":[{"token":"h\ufffd","logprob":-0.5,"bytes":[104,195],"top_logprobs":[
    {"token":"h\ufffd","logprob":-0.5,"bytes":[104,195]},{"token":"x","logprob":-2.0,"bytes":[120]}]}],"refusal":null})");
  const auto writer = chat_writer({"chatcmpl-1", 17, "demo"}, true);
  const auto choice = [&](const std::string& events) { return only_event(events)["choices"][0]; };
  CHECK(choice(writer->event({ReplyDelta::Kind::text, 0, "h", {}, tokens}))["logprobs"] == wanted);
  CHECK(choice(writer->event({ReplyDelta::Kind::finish, 0, "stop", {}, tokens}))["logprobs"] == wanted);
  CHECK(choice(writer->nothing(0)).at("logprobs").is_null());
  const std::vector<WholeReply> replies{{{"assistant", "h", "", {}, ""}, tokens, "stop"}};
  CHECK(Json::parse(writer->whole(replies, {}))["choices"][0]["logprobs"] == wanted);
}

TEST_CASE("whole replies, errors and models") {
  const std::vector<WholeReply> replies{{{"assistant", "hello", "", {}, ""}, {}, "length"},
                                        {{"assistant", "there", "", {}, ""}, {}, "stop"}};
  const Json reply = Json::parse(chat_writer({"chatcmpl-2", 5, "demo"}, false)->whole(replies, {3, 4, 0}));
  CHECK(reply["object"] == "chat.completion");
  CHECK(reply["choices"][0]["message"] == Json::parse(R"({"role":"assistant","content":"hello"})"));
  CHECK(reply["choices"][0]["finish_reason"] == "length");
  CHECK(reply["choices"][0]["logprobs"].is_null());
  CHECK(reply["choices"][1]["index"] == 1);
  CHECK(reply["choices"][1]["message"]["content"] == "there");
  CHECK(reply["usage"]["total_tokens"] == 7);
  CHECK(Json::parse(format_error({400, "invalid_request_error", "", "top_p", "bad"})) ==
        Json::parse(R"({"error":{"message":"bad","type":"invalid_request_error","param":"top_p","code":null}})"));
  const Json models = Json::parse(format_models({{"demo", 32768, 8}}));
  CHECK(models == Json::parse(R"({"object":"list","data":[
    {"id":"demo","object":"model","created":8,"owned_by":"clawrl","max_model_len":32768}]})"));
  CHECK(Json::parse(format_models({}))["data"] == Json::array());
  CHECK(Json::parse(format_model({{"demo", 32768, 8}}, "demo")) == models["data"][0]);
  CHECK_THROWS_AS(format_model({{"demo", 32768, 8}}, "other"), RequestError);
  CHECK(new_completion_id().size() == 33);
  CHECK(new_completion_id("cmpl").starts_with("cmpl-"));
  CHECK(new_completion_id() != new_completion_id());
}

TEST_CASE("events are found however the bytes are cut") {
  const std::string bytes = ": comment\r\ndata: one\r\n\r\nevent: x\ndata:two\ndata: more\n\n\n\ndata: [DONE]\n\n";
  const std::vector<std::string> wanted{"one", "two\nmore", "[DONE]"};
  CHECK(SseParser().feed(bytes) == wanted);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    SseParser parser;
    auto events = parser.feed(std::string_view(bytes).substr(0, cut));
    for (auto& event : parser.feed(std::string_view(bytes).substr(cut))) events.push_back(event);
    CHECK(events == wanted);
  }
}
