// Clients that are slow, rude or gone: each gets an answer where one can be given, nobody else waits, nothing is left.

#include <dirent.h>

#include <random>

#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::size_t open_descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  REQUIRE(folder);
  std::size_t count = 0;
  while (readdir(folder)) ++count;
  closedir(folder);
  return count;
}

void check_served(int port) {
  RawClient client(port);
  client.send(http_post(chat_body("count 3", false), "Connection: close\r\n"));
  REQUIRE(client.read_to_end());
  CHECK(client.received.find("\"t0 t1 t2\"") != std::string::npos);
}

std::string random_bytes(std::mt19937& random, std::size_t count) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace

TEST_CASE("slow-loris: a header that trickles in is told so, others are served meanwhile") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.header_timeout = 500ms;
  HttpServer server(settings, service);
  std::vector<RawClient> slow;
  for (int i = 0; i < 100; ++i) {
    slow.emplace_back(server.port());
    REQUIRE(slow.back().send("GET /health HTTP/1.1\r\nHost: x\r\n"));
  }
  check_served(server.port());
  std::atomic<bool> over{false};
  std::thread trickle([&] {
    while (!over) {
      for (RawClient& client : slow) client.send("X: y\r\n");  // each byte in time, the header never
      std::this_thread::sleep_for(20ms);
    }
  });
  for (RawClient& client : slow) CHECK(client.read_until("http.header_timeout_s"));
  over = true;
  trickle.join();
  for (RawClient& client : slow) CHECK(status_of(client.received) == 408);
  check_served(server.port());
  slow.clear();
  wait_connections(server, 0);
}

TEST_CASE("half-open connections and half requests") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.header_timeout = 2s;
  HttpServer server(settings, service);
  const std::string request = http_post(chat_body("count 1", false));
  for (const std::size_t length : {std::size_t{1}, std::size_t{20}, request.size() / 2, request.size() - 1}) {
    RawClient client(server.port());
    client.send(request.substr(0, length));
    client.end_sending();
    CHECK(client.read_to_end());
    INFO(length);
    CHECK(status_of(client.received) == 400);
    CHECK(client.received.find("before the request was complete") != std::string::npos);
  }
  RawClient whole(server.port());
  whole.send(http_get("/health"));
  whole.end_sending();  // nothing more will come, the reply is still wanted
  CHECK(whole.read_until("\"ok\""));
  {
    std::vector<RawClient> gone;
    for (int i = 0; i < 50; ++i) gone.emplace_back(server.port());
    for (RawClient& client : gone) client.send("POST /v1/chat");
  }
  whole.hang_up();
  wait_connections(server, 0);
}

TEST_CASE("random bytes are answered with a 4xx") {
  FakeService service;
  HttpServer server(settings_with(), service);
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = random_bytes(random, 1 + random() % 4000);
    if (i % 3 == 1) bytes = "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + bytes;
    if (i % 3 == 2) bytes = "POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + bytes;
    RawClient client(server.port());
    client.send(bytes);
    client.end_sending();
    CHECK(client.read_to_end());
    INFO(i);
    CHECK(status_of(client.received) / 100 == 4);
  }
  check_served(server.port());
}

TEST_CASE("deep and wide JSON does not hold the server") {
  FakeService service;
  HttpServer server(settings_with(), service);
  std::string wide = R"({"model":"demo","messages":[)";
  for (int i = 0; i < 300'000; ++i) wide += "{},";
  for (const std::string& body : {std::string(2'000'000, '['), std::string(1'000'000, '{'),
                                  R"({"a":)" + std::string(500'000, '[') + std::string(500'000, ']') + "}",
                                  wide + "{}]}", "\"" + std::string(3'000'000, '\\') + "\""}) {
    RawClient client(server.port());
    client.send(http_post(body));
    REQUIRE(client.read_until("}}"));
    CHECK(status_of(client.received) == 400);
  }
  check_served(server.port());
}

TEST_CASE("a wrong request in the pipe ends it after the answers before it") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  client.send(http_post(chat_body("count 4", true)) + http_get("/health") + "BOO\r\n\r\n" + http_get("/health"));
  REQUIRE(client.read_to_end());
  const auto stream = client.received.find("[DONE]"), health = client.received.find("\"ok\""),
             wrong = client.received.find("HTTP/1.1 400");
  REQUIRE(wrong != std::string::npos);
  CHECK(stream < health);
  CHECK(health < wrong);
  CHECK(client.received.find("\"ok\"", wrong) == std::string::npos);
}

TEST_CASE("thousands of pipelined requests are held back, not stored, and all answered") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.max_pipelined_bytes = 16 << 10;
  HttpServer server(settings, service);
  constexpr int count = 5000;
  RawClient client(server.port());
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) client.send(http_get("/health"));
    client.send(http_get("/version", "Connection: close\r\n"));
  });
  CHECK(client.read_to_end());
  sender.join();
  int answered = 0;
  for (auto at = client.received.find("\"ok\""); at != std::string::npos; at = client.received.find("\"ok\"", at + 1))
    ++answered;
  CHECK(answered == count);
}

TEST_CASE("hundreds of aborted streams leave nothing behind") {
  FakeService service;
  HttpServer server(settings_with(2), service);
  check_served(server.port());
  wait_connections(server, 0);
  const std::size_t before = open_descriptors();
  for (int round = 0; round < 6; ++round) {
    auto clients = open_streams(server.port(), 100, round % 2 == 0 ? "wait" : "count 1000000");
    for (std::size_t i = 0; i < clients.size(); i += 3) REQUIRE(clients[i].read_until("role"));
    clients.clear();
    wait_connections(server, 0);
  }
  CHECK(service.active() == 0);
  CHECK(open_descriptors() <= before);
  check_served(server.port());
}

TEST_CASE("the page of metrics counts replies by route and code, and what is open") {
  FakeService service;
  HttpServer server(settings_with(), service);
  auto streams = open_streams(server.port(), 3, "wait");
  for (RawClient& client : streams) REQUIRE(client.read_until("role"));
  RawClient client(server.port());
  client.send(http_get("/nowhere") + http_get("/health") + http_get("/metrics", "Connection: close\r\n"));
  REQUIRE(client.read_to_end());
  const auto has = [&](const std::string& line) {
    INFO(line << "\n" << client.received);
    CHECK(client.received.find(line) != std::string::npos);
  };
  has("Content-Type: text/plain; version=0.0.4");
  has("clawrl_http_replies_total{route=\"none\",code=\"404\"} 1\n");
  has("clawrl_http_replies_total{route=\"health\",code=\"200\"} 1\n");
  has("clawrl_http_replies_total{route=\"chat\",code=\"200\"} 3\n");
  has("clawrl_http_streams 3\n");
  has("clawrl_http_connections 4\n");
  has("clawrl_http_requests_under_way 3\n");
}
