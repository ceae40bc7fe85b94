// Every limit says its setting's name, and what was refused can be asked again.

#include "frontend/request_limits.hpp"
#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const std::string kBearer = "Authorization: Bearer ";

std::string answer(int port, const std::string& bytes) {
  RawClient client(port);
  client.send(bytes);
  client.end_sending();
  CHECK(client.read_to_end());
  return client.received;
}

void refused(const std::string& received, int status, const std::string& setting) {
  INFO(received);
  CHECK(status_of(received) == status);
  CHECK(received.find(setting) != std::string::npos);
  if (status == 429 || status == 503) CHECK(received.find("Retry-After: ") != std::string::npos);
}

const std::string kChunked = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("above the connection limit a new client is told so") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_connections = 2;
  HttpServer server(settings, service);
  RawClient first(server.port()), second(server.port());
  for (RawClient* client : {&first, &second}) {
    client->send(http_get("/health"));
    REQUIRE(client->read_until("\"ok\""));
  }
  RawClient third(server.port());
  REQUIRE(third.read_until("}}"));
  refused(third.received, 503, "http.max_connections = 2");
  third.send(http_get("/health"));  // too late, and no reason for a reset
  CHECK(third.read_to_end());
  first.hang_up();
  third.hang_up();
  wait_connections(server, 1);
  RawClient fourth(server.port());
  fourth.send(http_get("/health"));
  CHECK(fourth.read_until("\"ok\""));
}

TEST_CASE("requests at once, in all and of one key") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_requests = 3;
  settings.max_requests_per_key = 2;
  settings.keys.add({"a", true, false, true, Learning::learn, 0}, "a");
  settings.keys.add({"b", true, false, false, Learning::learn, 0}, "b");
  settings.keys.add({"c", true, false, false, Learning::learn, 1}, "c");
  HttpServer server(settings, service);
  const auto ask = [&](const std::string& key) {
    RawClient client(server.port());
    client.send(http_post(chat_body("wait", false), kBearer + key + "\r\n"));
    return client;
  };
  std::vector<RawClient> waiting;
  waiting.push_back(ask("a"));
  waiting.push_back(ask("a"));
  REQUIRE(service.wait_started(2));
  refused(answer(server.port(), http_post(chat_body("wait", false), kBearer + "a\r\n")), 429,
          "http.max_requests_per_key = 2");
  waiting.push_back(ask("c"));
  REQUIRE(service.wait_started(3));
  refused(answer(server.port(), http_post(chat_body("wait", true), kBearer + "b\r\n")), 429, "http.max_requests = 3");
  CHECK(status_of(answer(server.port(), http_get("/v1/models", kBearer + "a\r\n"))) == 200);  // costs nothing
  service.release();
  for (RawClient& client : waiting) CHECK(client.read_until("\"t0\""));
  RawClient again(server.port());
  again.send(http_post(chat_body("count 1", false), kBearer + "a\r\n"));
  CHECK(again.read_until("\"t0\""));
  CHECK(status_of(again.received) == 200);
}

TEST_CASE("a client that hangs up gives its place back") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_requests = 1;
  HttpServer server(settings, service);
  {
    RawClient client(server.port());
    client.send(http_post(chat_body("wait", true)));
    REQUIRE(service.wait_started(1));
  }
  wait_connections(server, 0);
  RawClient next(server.port());
  next.send(http_post(chat_body("count 1", false)));
  CHECK(next.read_until("\"t0\""));
}

TEST_CASE("a rate refills with time and says when") {
  HttpSettings settings;
  settings.key_requests_per_minute = 6;
  RequestLimits limits(settings);
  const ApiKey a{"a", true, false, false, Learning::learn, 0}, b{"b", true, false, false, Learning::learn, 0};
  const auto admitted = [&](const ApiKey& key, double now) { return limits.admit(&key, now).index() == 0; };
  for (int i = 0; i < 6; ++i) CHECK(admitted(a, 100));
  auto refusal = limits.admit(&a, 101);
  REQUIRE(std::holds_alternative<RequestLimits::Refusal>(refusal));
  const auto& [error, retry_after_s] = std::get<RequestLimits::Refusal>(refusal);
  CHECK(error.status == 429);
  CHECK(error.message.find("http.key_requests_per_minute = 6") != std::string::npos);
  CHECK(retry_after_s == 9);
  CHECK(admitted(b, 101));
  CHECK_FALSE(admitted(a, 109));
  CHECK(admitted(a, 111));
  CHECK_FALSE(admitted(a, 112));
  for (int i = 0; i < 6; ++i) CHECK(admitted(a, 1e6));
  CHECK_FALSE(admitted(a, 1e6));
  CHECK(limits.under_way() == 0);
}

TEST_CASE("sizes are refused by their settings") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_body_bytes = 1000;
  settings.max_header_bytes = 4096;
  HttpServer server(settings, service);
  refused(answer(server.port(), http_post(std::string(1001, ' '))), 413, "http.max_body_mb");
  refused(answer(server.port(), kChunked + "3e9\r\n" + std::string(1001, ' ') + "\r\n0\r\n\r\n"), 413,
          "http.max_body_mb");
  refused(answer(server.port(), http_get("/health", "X: " + std::string(5000, 'x') + "\r\n")), 431,
          "http.max_header_kb");
  SECTION("the head of a chunk that never ends") {
    RawClient client(server.port());
    client.send(kChunked + "1;");
    const std::string more(4096, 'x');
    for (int i = 0; i < 100 && client.send(more); ++i) continue;
    REQUIRE(client.read_to_end());
    refused(client.received, 431, "http.max_header_kb");
  }
  SECTION("a trailer that never ends") {
    RawClient client(server.port());
    client.send(kChunked + "0\r\n");
    for (int i = 0; i < 1000 && client.send("X" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n"); ++i)
      continue;
    REQUIRE(client.read_to_end());
    refused(client.received, 431, "http.max_header_kb");
  }
}

TEST_CASE("bodies share one amount of memory while they come") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_reading_bytes = 100'000;
  HttpServer server(settings, service);
  const std::string head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n";
  RawClient first(server.port());
  first.send(head + "Expect: 100-continue\r\n\r\n");
  REQUIRE(first.read_until("100 Continue\r\n\r\n"));  // its part is taken
  RawClient second(server.port());
  second.send(head + "\r\n");
  REQUIRE(second.read_until("}}"));
  refused(second.received, 503, "http.max_reading_mb");
  RawClient chunked(server.port());
  chunked.send(kChunked + "c350\r\n" + std::string(50'000, ' '));
  REQUIRE(chunked.read_until("}}"));
  refused(chunked.received, 503, "http.max_reading_mb");
  first.hang_up();
  wait_connections(server, 2);
  RawClient third(server.port());
  third.send(http_post(chat_body("count 1", false) + std::string(60'000, ' ')));
  CHECK(third.read_until("\"t0\""));
}

TEST_CASE("time-outs are answered by name") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.header_timeout = 50ms;
  settings.body_timeout = 50ms;
  HttpServer server(settings, service);
  RawClient header(server.port()), body(server.port()), silent(server.port());
  header.send("GET /health HTTP/1.1\r\nHost");
  body.send("POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  for (RawClient* client : {&header, &body, &silent}) CHECK(client->read_to_end());
  refused(header.received, 408, "http.header_timeout_s");
  refused(body.received, 408, "http.body_timeout_s");
  CHECK(silent.received.empty());
}

TEST_CASE("a large body is parsed aside, with the same answers") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.parse_aside_bytes = 1000;
  HttpServer server(settings, service);
  const std::string space(5000, ' ');
  RawClient client(server.port());
  client.send(http_post(space + chat_body("count 2", false)) + http_post(space + "{") +
              http_post(space + chat_body("count 3", true)));
  REQUIRE(client.read_until(kStreamEnd));
  const auto plain = client.received.find("\"t0 t1\""), bad = client.received.find("HTTP/1.1 400"),
             stream = client.received.find("\" t2\"");
  REQUIRE(stream != std::string::npos);
  CHECK(plain < bad);
  CHECK(bad < stream);
}
