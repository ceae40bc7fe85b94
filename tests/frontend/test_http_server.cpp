// Streams and plain replies through the whole server: many at once, hang-ups, slow readers, stop.

#include <sys/resource.h>

#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

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
