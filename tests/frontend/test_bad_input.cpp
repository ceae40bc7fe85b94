// Every bad request gets its own clear error, and the server lives on.

#include <nlohmann/json.hpp>

#include "fake_service.hpp"
#include "frontend/http_server.hpp"
#include "raw_client.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Json = nlohmann::json;

namespace {

HttpSettings quiet() {
  HttpSettings settings;
  settings.log = [](const std::string&) {};
  return settings;
}

std::string with(const std::string& fields) {
  return chat_body("count 2", false, "," + fields);
}

std::string messages(const std::string& list) {
  return R"({"model":"demo","messages":)" + list + "}";
}

struct Case {
  std::string name, body;
  std::string param;  // named by the error
  std::string headers = "";
  int status = 400;
};

std::vector<Case> cases() {
  const std::string deep = std::string(20'000, '[') + std::string(20'000, ']');
  return {
      {"empty body", "", ""},
      {"not JSON", "hello", ""},
      {"cut JSON", R"({"model":"demo","messages":[{)", ""},
      {"trailing text", R"({"model":"demo"} x)", ""},
      {"array", "[]", ""},
      {"string", "\"x\"", ""},
      {"deep nesting", messages(deep), ""},
      {"bad UTF-8", messages("[{\"role\":\"user\",\"content\":\"a\xff\xfe\"}]"), ""},
      {"cut UTF-8", messages("[{\"role\":\"user\",\"content\":\"a\xe2\x82\"}]"), ""},
      {"lone surrogate", messages(R"([{"role":"user","content":"\ud83d"}])"), ""},
      {"no model", R"({"messages":[{"role":"user","content":"x"}]})", "model"},
      {"model is a number", R"({"model":5,"messages":[{"role":"user","content":"x"}]})", "model"},
      {"unknown model", R"({"model":"gpt-9","messages":[{"role":"user","content":"x"}]})", "model", "", 404},
      {"no messages", R"({"model":"demo"})", "messages"},
      {"empty messages", messages("[]"), "messages"},
      {"messages is a string", messages("\"x\""), "messages"},
      {"message is a string", messages("[\"x\"]"), "messages[0]"},
      {"no role", messages(R"([{"content":"x"}])"), "messages[0].role"},
      {"unknown role", messages(R"([{"role":"robot","content":"x"}])"), "messages[0].role"},
      {"role is a number", messages(R"([{"role":1,"content":"x"}])"), "messages[0].role"},
      {"no content", messages(R"([{"role":"user"}])"), "messages[0].content"},
      {"content is a number", messages(R"([{"role":"user","content":7}])"), "messages[0].content"},
      {"part is a number", messages(R"([{"role":"user","content":[7]}])"), "messages[0].content[0]"},
      {"image part", messages(R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])"),
       "messages[0].content[0].type"},
      {"part without text", messages(R"([{"role":"user","content":[{"type":"text"}]}])"),
       "messages[0].content[0].text"},
      {"tool_calls is an object", messages(R"([{"role":"assistant","tool_calls":{}}])"), "messages[0].tool_calls"},
      {"tool call without function", messages(R"([{"role":"assistant","tool_calls":[{"id":"a"}]}])"),
       "messages[0].tool_calls[0].function"},
      {"tool call without name", messages(R"([{"role":"assistant","tool_calls":[{"function":{}}]}])"),
       "messages[0].tool_calls[0].function.name"},
      {"tools is a string", with(R"("tools":"x")"), "tools"},
      {"a tool is a number", with(R"("tools":[3])"), "tools[0]"},
      {"temperature too high", with(R"("temperature":2.01)"), "temperature"},
      {"temperature negative", with(R"("temperature":-0.1)"), "temperature"},
      {"temperature a string", with(R"("temperature":"1")"), "temperature"},
      {"temperature absurd", with(R"("temperature":1e300)"), "temperature"},
      {"temperature not finite", with(R"("temperature":1e999)"), ""},
      {"temperature NaN", with(R"("temperature":NaN)"), ""},
      {"top_p zero", with(R"("top_p":0)"), "top_p"},
      {"top_p tiny", with(R"("top_p":1e-300)"), "top_p"},
      {"top_p above one", with(R"("top_p":1.5)"), "top_p"},
      {"top_k below -1", with(R"("top_k":-2)"), "top_k"},
      {"top_k a fraction", with(R"("top_k":1.5)"), "top_k"},
      {"top_k huge", with(R"("top_k":99999999999)"), "top_k"},
      {"seed a string", with(R"("seed":"x")"), "seed"},
      {"seed too large", with(R"("seed":99999999999999999999999)"), "seed"},
      {"max_tokens zero", with(R"("max_tokens":0)"), "max_tokens"},
      {"max_tokens negative", with(R"("max_tokens":-5)"), "max_tokens"},
      {"max_tokens 64 bits", with(R"("max_tokens":18446744073709551615)"), "max_tokens"},
      {"max_completion_tokens a bool", with(R"("max_completion_tokens":true)"), "max_completion_tokens"},
      {"n zero", with(R"("n":0)"), "n"},
      {"n seventeen", with(R"("n":17)"), "n"},
      {"n huge", with(R"("n":1e9)"), "n"},
      {"stop a number", with(R"("stop":3)"), "stop"},
      {"stop empty", with(R"("stop":"")"), "stop"},
      {"stop of 17", with(R"("stop":["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"])"), "stop"},
      {"stop with a number", with(R"("stop":["a",1])"), "stop[1]"},
      {"stream a string", R"({"model":"demo","messages":[{"role":"user","content":"x"}],"stream":"yes"})", "stream"},
      {"stream_options a list", with(R"("stream_options":[1])"), "stream_options"},
      {"presence_penalty absurd", with(R"("presence_penalty":50)"), "presence_penalty"},
      {"frequency_penalty a string", with(R"("frequency_penalty":"0")"), "frequency_penalty"},
      {"repetition_penalty zero", with(R"("repetition_penalty":0)"), "repetition_penalty"},
      {"logit_bias a list", with(R"("logit_bias":[1])"), "logit_bias"},
      {"logit_bias of a word", with(R"("logit_bias":{"the":1})"), "logit_bias"},
      {"logit_bias of a negative id", with(R"("logit_bias":{"-1":1})"), "logit_bias"},
      {"logit_bias of no 32-bit id", with(R"("logit_bias":{"99999999999":1})"), "logit_bias"},
      {"logit_bias too large", with(R"("logit_bias":{"5":101})"), "logit_bias.5"},
      {"logit_bias twice", with(R"("logit_bias":{"5":1,"05":1})"), "logit_bias"},
      {"logprobs a number", with(R"("logprobs":5)"), "logprobs"},
      {"top_logprobs above 20", with(R"("logprobs":true,"top_logprobs":21)"), "top_logprobs"},
      {"top_logprobs alone", with(R"("top_logprobs":2)"), "top_logprobs"},
      {"user a number", with(R"("user":5)"), "user"},
      {"user with a line end", with(R"("user":"a\nb")"), "user"},
      {"prompt_cache_key too long", with(R"("prompt_cache_key":")" + std::string(300, 'k') + "\""), "prompt_cache_key"},
      {"affinity header too long", with(R"("n":1)"), "x-session-affinity",
       "x-session-affinity: " + std::string(300, 's') + "\r\n"},
      {"session_id header with a high byte", with(R"("n":1)"), "session_id", "session_id: a\xff\r\n"},
      {"client request id too long", with(R"("n":1)"), "x-client-request-id",
       "X-Client-Request-Id: " + std::string(600, 's') + "\r\n"},
      {"store a string", with(R"("store":"no")"), "store"},
      {"metadata a list", with(R"("metadata":[1])"), "metadata"},
      {"metadata.learning unknown", with(R"("metadata":{"learning":"maybe"})"), "metadata.learning"},
      {"metadata.learning a number", with(R"("metadata":{"learning":7})"), "metadata.learning"},
      {"learning header unknown", with(R"("n":1)"), "X-Learning", "X-Learning: sometimes\r\n"},
      {"session_id a number", with(R"("session_id":5)"), "session_id"},
      {"session_id too long", with(R"("session_id":")" + std::string(300, 's') + "\""), "session_id"},
      {"session header with a high byte", with(R"("n":1)"), "X-Session-Id", "X-Session-Id: a\xff\r\n"},
      {"turn_type unknown", with(R"("turn_type":"middle")"), "turn_type"},
      {"turn type header unknown", with(R"("n":1)"), "X-Turn-Type", "X-Turn-Type: both\r\n"},
      {"session_done a string", with(R"("session_done":"no")"), "session_done"},
      {"session done header unknown", with(R"("n":1)"), "X-Session-Done", "X-Session-Done: perhaps\r\n"},
      {"compressed", with(R"("n":1)"), "", "Content-Encoding: gzip\r\n", 415},
      {"unknown expectation", with(R"("n":1)"), "", "Expect: miracles\r\n", 417},
  };
}

Json error_in(const std::string& received) {
  const Json body = Json::parse(received.substr(received.find("\r\n\r\n") + 4), nullptr, false);
  REQUIRE(body.is_object());
  return body.at("error");
}

/// Answer to `bytes` on a connection of its own.
std::string answer(int port, const std::string& bytes) {
  RawClient client(port);
  client.send(bytes);
  client.end_sending();
  REQUIRE(client.read_to_end());
  return client.received;
}

void check_alive(int port) {
  RawClient client(port);
  client.send(http_post(chat_body("count 3", false), "Connection: close\r\n"));
  REQUIRE(client.read_to_end());
  CHECK(status_of(client.received) == 200);
  CHECK(client.received.find("\"content\":\"t0 t1 t2\"") != std::string::npos);
}

}  // namespace

TEST_CASE("bad bodies and headers") {
  FakeService service;
  HttpServer server(quiet(), service);
  for (const Case& bad : cases()) {
    for (const bool stream : {false, true}) {
      INFO(bad.name);
      std::string body = bad.body;
      if (const auto at = body.find("\"stream\":false"); stream && at != std::string::npos)
        body.replace(at, 14, "\"stream\":true");
      const std::string received = answer(server.port(), http_post(body, bad.headers));
      INFO(received);
      CHECK(status_of(received) == bad.status);
      const Json error = error_in(received);
      CHECK(error.at("message").get<std::string>().size() > 10);
      CHECK(error.at("message").get<std::string>().size() < 400);
      CHECK(error.at("type") == "invalid_request_error");
      CHECK(error.at("param") == (bad.param.empty() ? Json(nullptr) : Json(bad.param)));
    }
  }
  CHECK(cases().size() >= 60);
  check_alive(server.port());
}

TEST_CASE("a bad body does not cost the connection") {
  FakeService service;
  HttpServer server(quiet(), service);
  RawClient client(server.port());
  client.send(http_post("{") + http_post(chat_body("count 1", false)));
  REQUIRE(client.read_until("\"content\":\"t0\""));
  CHECK(status_of(client.received) == 400);
}

TEST_CASE("malformed HTTP") {
  FakeService service;
  HttpServer server(quiet(), service);
  const std::pair<std::string, int> rude[] = {
      {"hello\r\n\r\n", 400},
      {std::string(64, '\0'), 400},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS?\r\n\r\n", 400},
      {"GET /health HTTP/9.9\r\n\r\n", 400},
      {"GET /health HTTP/1.1\r\nNo colon here\r\n\r\n", 400},
      {"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -4\r\n\r\n", 400},
      {"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400},
      {"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"GET /health HTTP/1.1\r\nX-Big: " + std::string(200'000, 'a') + "\r\n\r\n", 431},
      {"GET /" + std::string(200'000, 'a') + " HTTP/1.1\r\n\r\n", 431},
  };
  for (const auto& [bytes, status] : rude) {
    INFO(bytes.substr(0, 80));
    const std::string received = answer(server.port(), bytes);
    CHECK(status_of(received) == status);
    CHECK_FALSE(error_in(received).at("message").get<std::string>().empty());
  }
  check_alive(server.port());
}

TEST_CASE("a body of 100 MB is refused on its header") {
  FakeService service;
  HttpServer server(quiet(), service);
  const std::string head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n";
  SECTION("with Expect nothing of it is sent") {
    RawClient client(server.port());
    client.send(head + "Expect: 100-continue\r\n\r\n");
    client.read_until("\"error\"");
    CHECK(status_of(client.received) == 413);
  }
  SECTION("without, what is sent is dropped and the answer still arrives") {
    RawClient client(server.port());
    client.send(head + "\r\n");
    const std::string megabyte(1 << 20, 'x');
    for (int i = 0; i < 100 && client.send(megabyte); ++i) continue;
    client.read_until("\"error\"");
    CHECK(status_of(client.received) == 413);
    CHECK(error_in(client.received).at("message").get<std::string>().find("16777216") != std::string::npos);
  }
  SECTION("in chunks of unknown total") {
    RawClient client(server.port());
    client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = http_chunk(std::string(1 << 20, 'x'));
    for (int i = 0; i < 20 && client.send(chunk); ++i) continue;
    client.read_until("\"error\"");
    CHECK(status_of(client.received) == 413);
  }
  check_alive(server.port());
}

TEST_CASE("silence") {
  FakeService service;
  HttpSettings settings = quiet();
  settings.header_timeout = settings.body_timeout = settings.idle_timeout = std::chrono::milliseconds(150);
  HttpServer server(settings, service);
  RawClient nothing(server.port()), half_header(server.port()), half_body(server.port()), kept(server.port());
  half_header.send("GET /health HT");
  half_body.send("POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{\"model\"");
  kept.send(http_get("/health"));
  CHECK(nothing.read_to_end());
  CHECK(nothing.received.empty());
  CHECK(half_header.read_to_end());
  CHECK(status_of(half_header.received) == 408);
  CHECK(half_body.read_to_end());
  CHECK(status_of(half_body.received) == 408);
  CHECK(kept.read_to_end());
  CHECK(status_of(kept.received) == 200);
  check_alive(server.port());
}
