// What HTTP itself demands: paths, methods, keys, pipelining, limits.

#include "core/error.hpp"
#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

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
  CHECK_THROWS_WITH(HttpServer(settings, service), Catch::Contains("API keys"));
}
