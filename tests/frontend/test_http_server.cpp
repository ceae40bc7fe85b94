#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "fake_service.hpp"
#include "frontend/http_server.hpp"
#include "raw_client.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Json = nlohmann::json;
using namespace std::chrono_literals;

namespace {

struct Log {
  std::function<void(const std::string&)> sink() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex);
      lines += line + "\n";
    };
  }
  bool has(const std::string& text) {
    const std::lock_guard lock(mutex);
    return lines.find(text) != std::string::npos;
  }
  std::mutex mutex;
  std::string lines;
};

Log g_log;

HttpSettings settings_with(int io_threads = 1) {
  HttpSettings settings;
  settings.io_threads = io_threads;
  settings.log = g_log.sink();
  return settings;
}

std::string streamed_text(const std::string& received) {
  std::string text;
  for (const std::string& event : events_of(received)) {
    if (event == "[DONE]") continue;
    const Json chunk = Json::parse(event);
    for (const Json& choice : chunk.at("choices")) text += choice.at("delta").value("content", "");
  }
  return text;
}

const std::string kStreamEnd = "data: [DONE]\n\n\r\n0\r\n\r\n";

std::vector<RawClient> open_streams(int port, int count, const std::string& text) {
  std::vector<RawClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(port);
    REQUIRE(clients.back().connected());
    REQUIRE(clients.back().send(http_post(chat_body(text, true))));
  }
  return clients;
}

void wait_connections(const HttpServer& server, std::size_t count) {
  for (int i = 0; i < 6000 && server.connections() != count; ++i) std::this_thread::sleep_for(5ms);
  CHECK(server.connections() == count);
}

}  // namespace

TEST_CASE("plain replies on a kept connection") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  for (int i = 1; i <= 3; ++i) {
    client.received.clear();
    client.send(http_post(chat_body("count " + std::to_string(i), false)));
    REQUIRE(client.read_until("}}}"));
    CHECK(status_of(client.received) == 200);
    const Json reply = Json::parse(client.received.substr(client.received.find("\r\n\r\n") + 4));
    CHECK(reply["choices"][0]["message"]["content"] == counted(i));
    CHECK(reply["choices"][0]["finish_reason"] == "stop");
    CHECK(reply["model"] == "demo");
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("a stream has role, tokens one by one, finish, usage and [DONE]") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  client.send(http_post(chat_body("count 4", true, R"(,"stream_options":{"include_usage":true})")));
  REQUIRE(client.read_until(kStreamEnd));
  CHECK(client.received.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  const auto events = events_of(client.received);
  REQUIRE(events.size() == 8);
  CHECK(Json::parse(events[0])["choices"][0]["delta"]["role"] == "assistant");
  for (int i = 0; i < 4; ++i) {
    const Json token = Json::parse(events[static_cast<std::size_t>(1 + i)]);
    CHECK(token["choices"][0]["delta"]["content"] == (i > 0 ? " t" : "t") + std::to_string(i));
  }
  CHECK(Json::parse(events[5])["choices"][0]["finish_reason"] == "stop");
  CHECK(Json::parse(events[6])["usage"]["prompt_tokens_details"]["cached_tokens"] == 5);
  CHECK(events[7] == "[DONE]");
  client.received.clear();
  client.send(http_get("/health"));  // the connection goes on
  CHECK(client.read_until("\"ok\""));
}

TEST_CASE("many streams at once") {
  FakeService service;
  const int io_threads = GENERATE(1, 3);
  HttpServer server(settings_with(io_threads), service);
  auto clients = open_streams(server.port(), 200, "count 30");
  for (RawClient& client : clients) {
    REQUIRE(client.read_until(kStreamEnd));
    CHECK(streamed_text(client.received) == counted(30));
  }
  CHECK(service.cancelled() == 0);
}

TEST_CASE("a thousand open streams, all waiting, then all answered") {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  FakeService service;
  HttpServer server(settings_with(), service);
  auto clients = open_streams(server.port(), 1000, "wait");
  REQUIRE(service.wait_started(1000));
  CHECK(service.active() == 1000);
  CHECK(server.connections() == 1000);
  for (RawClient& client : clients) REQUIRE(client.read_until("\"role\":\"assistant\""));
  service.release();
  for (RawClient& client : clients) {
    REQUIRE(client.read_until(kStreamEnd));
    CHECK(streamed_text(client.received) == "t0");
  }
}

TEST_CASE("a client that hangs up stops its generation") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.keepalive_interval = 1h;  // so that no write can notice it
  HttpServer server(settings, service);
  SECTION("while tokens flow") {
    RawClient client(server.port());
    client.send(http_post(chat_body("count 1000000", true)));
    REQUIRE(client.read_until(" t5"));
  }
  SECTION("while nothing is due") {
    RawClient client(server.port());
    client.send(http_post(chat_body("wait", true)));
    REQUIRE(client.read_until("role"));
  }
  SECTION("a plain request") {
    RawClient client(server.port());
    client.send(http_post(chat_body("wait", false)));
    REQUIRE(service.wait_started(1));
  }
  SECTION("with another request already in the pipe") {
    RawClient client(server.port());
    client.send(http_post(chat_body("wait", true)) + http_get("/health"));
    REQUIRE(client.read_until("role"));
  }
  CHECK(service.wait_cancelled(1));
  wait_connections(server, 0);
  CHECK(service.active() == 0);
}

TEST_CASE("silence is filled with empty data chunks") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.keepalive_interval = 20ms;
  HttpServer server(settings, service);
  RawClient client(server.port());
  client.send(http_post(chat_body("wait", true)));
  const std::string empty = "\"delta\":{\"content\":\"\"}";
  for (int seen = 0; seen < 3; ++seen) {
    REQUIRE(client.read_until(empty));
    client.received.erase(0, client.received.find(empty) + empty.size());
  }
  service.release();
  CHECK(client.read_until("\"content\":\"t0\""));
  CHECK(client.read_until(kStreamEnd));
}

TEST_CASE("an early error has its status, a late one is an event") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.error_grace = 1h;
  HttpServer server(settings, service);
  RawClient client(server.port());
  client.send(http_post(chat_body("fail", true)));
  REQUIRE(client.read_until("queue full"));
  CHECK(status_of(client.received) == 429);
  CHECK(client.received.find("Retry-After: ") != std::string::npos);
  client.received.clear();
  client.send(http_post(chat_body("fail soon", true)));
  REQUIRE(client.read_until("rank 3 is gone"));
  CHECK(status_of(client.received) == 500);
  client.received.clear();
  client.send(http_post(chat_body("fail late", true)));
  REQUIRE(client.read_until(kStreamEnd));
  CHECK(status_of(client.received) == 200);
  CHECK(client.received.find("rank 3 is gone") != std::string::npos);
}

TEST_CASE("a reader that does not read is cut off, the others are not") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_queued_bytes = 256 << 10;
  HttpServer server(settings, service);
  RawClient slow(server.port()), other(server.port());
  other.send(http_post(chat_body("wait", true)));
  slow.send(http_post(chat_body("flood", true)));
  CHECK(service.wait_cancelled(1));
  CHECK(g_log.has("slow reader, more than 262144 bytes"));
  wait_connections(server, 1);
  service.release();
  CHECK(other.read_until(kStreamEnd));
}

TEST_CASE("a stalled write ends after its limit") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.write_timeout = 100ms;
  settings.max_queued_bytes = std::size_t{1} << 40;
  HttpServer server(settings, service);
  RawClient slow(server.port());
  slow.send(http_post(chat_body("flood", true)));
  CHECK(service.wait_cancelled(1));
  CHECK(g_log.has("took no byte"));
}

TEST_CASE("pipelined requests are answered in order") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  client.send(http_post(chat_body("count 3", true)) + http_get("/v1/models") + http_post(chat_body("count 2", false)) +
              http_get("/health") + http_post(chat_body("count 5", true)));
  REQUIRE(client.read_until("\" t4\""));
  const std::string& all = client.received;
  const auto stream = all.find("[DONE]"), models = all.find("max_model_len"), plain = all.find("\"t0 t1\"");
  const auto health = all.find("\"ok\"");
  CHECK(stream < models);
  CHECK(models < plain);
  CHECK(plain < health);
  CHECK(health < all.find("\" t4\""));
}

TEST_CASE("a request that arrives byte by byte") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  for (const char byte : http_post(chat_body("count 2", false))) REQUIRE(client.send({&byte, 1}));
  CHECK(client.read_until("\"t0 t1\""));
}

TEST_CASE("Expect: 100-continue is answered before the body") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  const std::string request = http_post(chat_body("count 2", false), "Expect: 100-continue\r\n");
  const auto body = request.find("\r\n\r\n") + 4;
  client.send(request.substr(0, body));
  REQUIRE(client.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send(request.substr(body));
  CHECK(client.read_until("\"t0 t1\""));
}

TEST_CASE("paths and methods") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const auto ask = [&](const std::string& request) {
    RawClient client(server.port());
    client.send(request);
    client.end_sending();
    CHECK(client.read_to_end());
    return client.received;
  };
  CHECK(status_of(ask(http_get("/healthz"))) == 200);
  CHECK(ask(http_get("/status?x=1")).find("{\"version\":3,\"queue\":0}") != std::string::npos);
  CHECK(ask(http_get("/v1/models")).find("\"max_model_len\":32768") != std::string::npos);
  const std::string missing = ask(http_get("/chat/completions"));
  CHECK(status_of(missing) == 404);
  CHECK(missing.find("POST /v1/chat/completions") != std::string::npos);
  const std::string wrong = ask(http_get("/v1/chat/completions"));
  CHECK(status_of(wrong) == 405);
  CHECK(wrong.find("Allow: POST, OPTIONS\r\n") != std::string::npos);
  CHECK(status_of(ask(http_get("/health", "", "DELETE"))) == 405);
  CHECK(status_of(ask(http_get("/health", "", "BREW"))) == 405);
  const std::string options = ask(http_get("/v1/models", "", "OPTIONS"));
  CHECK(status_of(options) == 204);
  CHECK(options.find("Allow: GET, HEAD, OPTIONS\r\n") != std::string::npos);
  const std::string head = ask(http_get("/health", "", "HEAD"));
  CHECK(status_of(head) == 200);
  CHECK(head.find("Content-Length: 15\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
  service.problem = "rank 2 is gone";
  const std::string sick = ask(http_get("/health"));
  CHECK(status_of(sick) == 503);
  CHECK(sick.find("rank 2 is gone") != std::string::npos);
}

TEST_CASE("HTTP/1.0 gets a stream that ends with the connection") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  const std::string body = chat_body("count 2", true);
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  client.send("POST /v1/chat/completions HTTP/1.0\r\n" + length + body);
  REQUIRE(client.read_to_end());
  CHECK(client.received.find("chunked") == std::string::npos);
  CHECK(client.received.ends_with("data: [DONE]\n\n"));
}

TEST_CASE("an API key guards all but the health") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.api_key = "secret";
  HttpServer server(settings, service);
  const auto status = [&](const std::string& request) {
    RawClient client(server.port());
    client.send(request);
    client.read_until("}");
    return status_of(client.received);
  };
  CHECK(status(http_get("/v1/models")) == 401);
  CHECK(status(http_get("/v1/models", "Authorization: Bearer secre\r\n")) == 401);
  CHECK(status(http_get("/v1/models", "Authorization: Bearer secret\r\n")) == 200);
  CHECK(status(http_post(chat_body("count 1", false))) == 401);
  CHECK(status(http_get("/health")) == 200);
}

TEST_CASE("an address that cannot be used is named") {
  FakeService service;
  HttpServer server(settings_with(), service);
  HttpSettings settings = settings_with();
  settings.port = server.port();
  const auto port = std::to_string(server.port());
  CHECK_THROWS_WITH(HttpServer(settings, service),
                    Catch::Contains("127.0.0.1 port " + port) && Catch::Contains("choose another port"));
  settings.address = "example.invalid";
  CHECK_THROWS_AS(HttpServer(settings, service), UserError);
  settings.address = "0.0.0.0";
  settings.port = 0;
  CHECK_THROWS_WITH(HttpServer(settings, service), Catch::Contains("API key"));
}

TEST_CASE("above the connection limit new clients wait for a place") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_connections = 2;
  HttpServer server(settings, service);
  RawClient first(server.port()), second(server.port()), third(server.port());
  for (RawClient* client : {&first, &second}) {
    client->send(http_get("/health"));
    REQUIRE(client->read_until("\"ok\""));
  }
  third.send(http_get("/health"));
  CHECK(server.connections() == 2);
  first.hang_up();
  CHECK(third.read_until("\"ok\""));
}

TEST_CASE("stop lets running replies finish and takes no new ones") {
  FakeService service;
  HttpServer server(settings_with(), service);
  auto clients = open_streams(server.port(), 20, "wait");
  RawClient idle(server.port());
  REQUIRE(service.wait_started(20));
  std::thread stopper([&] { server.stop(20s); });
  CHECK(idle.read_to_end());  // closed at once
  CHECK_FALSE(RawClient(server.port()).connected());
  service.release();
  for (RawClient& client : clients) {
    CHECK(client.read_until(kStreamEnd));
    CHECK(streamed_text(client.received) == "t0");
    client.hang_up();
  }
  stopper.join();
  CHECK(service.cancelled() == 0);
  server.stop(0s);
}

TEST_CASE("what does not finish in time is told so and cancelled, and late tokens harm nobody") {
  FakeService service;
  std::shared_ptr<ChatSink> kept;
  RawClient* streamed = nullptr;
  std::vector<RawClient> clients;
  {
    HttpServer server(settings_with(), service);
    clients = open_streams(server.port(), 1, "wait");
    clients.emplace_back(server.port());
    clients[1].send(http_post(chat_body("wait", false)));
    REQUIRE(service.wait_started(2));
    kept = service.any_sink();
    streamed = clients.data();
    server.stop(10ms);
    CHECK(server.connections() == 0);
  }
  CHECK(service.wait_cancelled(2));
  REQUIRE(streamed->read_to_end());
  CHECK(streamed->received.find("shutting down") != std::string::npos);
  CHECK(clients[1].read_to_end());
  CHECK(status_of(clients[1].received) == 503);
  REQUIRE(kept);
  kept->on_text("late");
  kept->on_finish("stop", {});
}
