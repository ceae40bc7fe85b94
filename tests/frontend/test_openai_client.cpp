#include "fake_service.hpp"
#include "frontend/http_server.hpp"
#include "frontend/openai_client.hpp"
#include "raw_client.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

HttpSettings quiet() {
  HttpSettings settings;
  settings.log = [](const std::string&) {};
  return settings;
}

ChatOptions demo(bool stream) {
  ChatOptions options;
  options.model = "demo";
  options.stream = stream;
  return options;
}

std::vector<Message> says(const std::string& text) {
  return {{"user", text, "", {}, ""}};
}

/// Answers one request on a port of its own with fixed bytes and closes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string bytes) : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 1);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, bytes = std::move(bytes)] {
      const int peer = accept(listener_, nullptr, nullptr);
      char request[4096];
      if (recv(peer, request, sizeof request, 0) > 0) ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      close(peer);
    });
  }
  ~OneAnswer() {
    thread_.join();
    close(listener_);
  }
  int port = 0;

 private:
  int listener_;
  std::thread thread_;
};

const std::string kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("a streamed and a plain reply say the same") {
  FakeService service;
  HttpServer server(quiet(), service);
  OpenAiClient client("127.0.0.1", server.port());
  for (const bool stream : {true, false}) {
    const ChatReply reply = client.chat(says("count 5"), demo(stream));
    CHECK(reply.ok());
    CHECK(reply.status == 200);
    CHECK(reply.text == counted(5));
    CHECK(reply.finish_reason == "stop");
    CHECK(reply.usage.prompt_tokens == 7);
    CHECK(reply.usage.completion_tokens == 5);
    CHECK(reply.usage.cached_tokens == 5);
    CHECK(reply.token_gaps_s.size() == (stream ? 4 : 0));
    CHECK(reply.first_token_s > 0);
    CHECK(reply.total_s >= reply.first_token_s);
  }
  CHECK(server.connections() == 1);  // kept alive
}

TEST_CASE("all options reach the service") {
  FakeService service;
  HttpServer server(quiet(), service);
  OpenAiClient client(parse_server_url("http://127.0.0.1:" + std::to_string(server.port()) + "/v1/"));
  ChatOptions options = demo(true);
  options.session = "s-1";
  options.turn_type = TurnType::side;
  options.session_done = true;
  options.temperature = 0;
  options.max_tokens = 12;
  options.seed = 18446744073709551615ULL;
  const std::vector<Message> messages{{"system", "be brief", "", {}, ""},
                                      {"assistant", "", "why", {{"c1", "exec", "{}"}}, ""},
                                      {"tool", "done", "", {}, "c1"},
                                      {"user", "count 1", "", {}, ""}};
  REQUIRE(client.chat(messages, options).ok());
  const ChatRequest seen = service.last();
  CHECK(seen.messages == messages);
  CHECK(seen.session == "s-1");
  CHECK(seen.turn_type == TurnType::side);
  CHECK(seen.session_done);
  CHECK(seen.sampling.temperature == 0);
  CHECK(seen.max_tokens == 12);
  CHECK(seen.sampling.seed == 18446744073709551615ULL);
  CHECK(seen.seed_given);
}

TEST_CASE("errors, early and late") {
  FakeService service;
  HttpServer server(quiet(), service);
  OpenAiClient client("127.0.0.1", server.port());
  for (const bool stream : {true, false}) {
    ChatReply reply = client.chat(says("fail"), demo(stream));
    CHECK_FALSE(reply.ok());
    CHECK(reply.status == 429);
    CHECK(reply.error.type == "rate_limit_error");
    CHECK(reply.error.message == "queue full");
    CHECK_FALSE(reply.cut);
    reply = client.chat(says("throw"), demo(stream));
    CHECK(reply.status == 400);
    CHECK(reply.error.message == "thrown on purpose");
    reply = client.chat(says("fail late"), demo(stream));
    CHECK(reply.error.message == "rank 3 is gone");
    CHECK(reply.status == (stream ? 200 : 500));
    CHECK_FALSE(reply.ok());
    CHECK_FALSE(reply.cut);
  }
  CHECK(client.get("/health").status == 200);
  CHECK(client.get("/nothing").status == 404);
}

TEST_CASE("a connection that the server closed meanwhile is opened anew") {
  FakeService service;
  HttpSettings settings = quiet();
  settings.idle_timeout = std::chrono::milliseconds(20);
  HttpServer server(settings, service);
  OpenAiClient client("127.0.0.1", server.port());
  for (int i = 0; i < 3; ++i) {
    CHECK(client.chat(says("count 2"), demo(true)).ok());
    while (server.connections() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_CASE("no server, no answer in time") {
  int port = 0;
  {
    FakeService service;
    HttpServer server(quiet(), service);
    port = server.port();
    OpenAiClient client("127.0.0.1", port, std::chrono::milliseconds(100));
    const ChatReply reply = client.chat(says("wait"), demo(true));
    CHECK(reply.cut);
    CHECK(reply.finish_reason.empty());
    CHECK(reply.error.type == "connection_error");
    CHECK(service.wait_cancelled(1));
  }
  OpenAiClient client("127.0.0.1", port);
  const ChatReply reply = client.chat(says("x"), demo(true));
  CHECK(reply.status == 0);
  CHECK(reply.cut);
  CHECK(reply.error.message.find(std::to_string(port)) != std::string::npos);
  CHECK(client.get("/health").status == 0);
}

TEST_CASE("a stream without its end is cut") {
  const std::string text = http_chunk(sse_event(R"({"choices":[{"delta":{"content":"half"}}]})"));
  SECTION("the connection breaks") {
    OneAnswer server(kStreamHead + text);
    const ChatReply reply = OpenAiClient("127.0.0.1", server.port).chat(says("x"), demo(true));
    CHECK(reply.text == "half");
    CHECK(reply.cut);
  }
  SECTION("the body ends without [DONE]") {
    OneAnswer server(kStreamHead + text + std::string(kLastHttpChunk));
    const ChatReply reply = OpenAiClient("127.0.0.1", server.port).chat(says("x"), demo(true));
    CHECK(reply.text == "half");
    CHECK(reply.cut);
  }
  SECTION("an event is not JSON") {
    OneAnswer server(kStreamHead + text + http_chunk("data: {oops\n\ndata: [DONE]\n\n") + std::string(kLastHttpChunk));
    const ChatReply reply = OpenAiClient("127.0.0.1", server.port).chat(says("x"), demo(true));
    CHECK_FALSE(reply.ok());
  }
  SECTION("an error that is not JSON") {
    OneAnswer server("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops");
    const ChatReply reply = OpenAiClient("127.0.0.1", server.port).chat(says("x"), demo(true));
    CHECK(reply.status == 502);
    CHECK_FALSE(reply.ok());
  }
}

TEST_CASE("server URLs") {
  CHECK(parse_server_url("http://localhost").prefix == "/v1");
  CHECK(parse_server_url("http://localhost/").prefix == "/v1");
  CHECK(parse_server_url("http://a:81/v1/").prefix == "/v1");
  CHECK(parse_server_url("http://a:81/x/v1").prefix == "/x/v1");
  CHECK(parse_server_url("http://a:81/x").port == 81);
  CHECK(parse_server_url("http://[::1]:30000/v1").host == "::1");
  CHECK(parse_server_url("http://[::1]:30000/v1").port == 30000);
  for (const char* bad :
       {"", "a:81", "https://a/v1", "http://", "http://:80", "http://a:0", "http://a:x", "http://a:99999"})
    CHECK_THROWS_AS(parse_server_url(bad), UserError);
}
