// Keys from a file and from the environment, and what each role opens.

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/error.hpp"
#include "frontend/api_keys.hpp"
#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::string key_file(const std::string& text, mode_t mode = 0600) {
  const auto path = std::filesystem::temp_directory_path() / ("clawrl_keys_" + std::to_string(getpid()));
  std::filesystem::remove(path);
  std::ofstream(path) << text;
  chmod(path.c_str(), mode);
  return path.string();
}

void refused(const std::string& text, const std::string& because, const std::string& line = "line 1") {
  ApiKeys keys;
  CHECK_THROWS_WITH(keys.add_file(key_file(text)), Catch::Contains(because) && Catch::Contains(line));
}

std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string text;
  char bytes[256];
  while (fgets(bytes, sizeof bytes, pipe)) text += bytes;
  REQUIRE(pclose(pipe) == 0);
  return text;
}

}  // namespace

TEST_CASE("a line made as the documentation says lets its key in") {
  // docs/api.md
  const std::string line = output_of(
      "salt=$(openssl rand -hex 8); key='open sesame'; "
      "echo \"alice chat,feedback sha256:$salt:$(printf %s \"$salt$key\" | openssl dgst -sha256 -r | cut -d' ' -f1)\"");
  ApiKeys keys;
  CHECK(keys.empty());
  keys.add_file(
      key_file("# who\n\n" + line + line.substr(0, line.size() - 1) + " learning=store requests=3 # again\n"));
  const ApiKey* key = keys.find("open sesame");
  REQUIRE(key);
  CHECK(key->id == "alice");
  CHECK(key->may(Access::chat));
  CHECK(key->may(Access::feedback));
  CHECK_FALSE(key->may(Access::admin));
  CHECK(key->may(Access::open));
  for (const char* wrong : {"", "open sesam", "open sesame ", "Open sesame", "sesame"}) CHECK_FALSE(keys.find(wrong));
}

TEST_CASE("options of a key") {
  ApiKeys keys;
  keys.add_file(
      key_file("bob admin " + std::string("sha256:ab:") + std::string(64, '0') + " learning=off requests=7\n"));
  keys.add({"eve", true, false, false, Learning::store, 0}, "word");
  REQUIRE(keys.find("word"));
  CHECK(keys.find("word")->id == "eve");
  CHECK(stricter(Learning::store, Learning::learn) == Learning::store);
  CHECK(stricter(Learning::store, Learning::off) == Learning::off);
}

TEST_CASE("a bad key file is refused by name and line") {
  const std::string hash = "sha256:ab:" + std::string(64, 'f');
  refused("alice chat\n", "<id> <roles>");
  refused("alice chat plain:secret\n", "sha256:<salt>");
  refused("alice chat sha256:ab:" + std::string(63, 'f') + "\n", "64 hexadecimal");
  refused("alice chat sha256:ab:" + std::string(64, 'g') + "\n", "64 hexadecimal");
  refused("# fine\nalice root " + hash + "\n", "role 'root'", "line 2");
  refused("a:b chat " + hash + "\n", "the id has letters");
  refused("alice chat " + hash + " learning=maybe\n", "learn, store or off");
  refused("alice chat " + hash + " requests=0\n", "whole number");
  refused("alice chat " + hash + " colour=red\n", "'colour=red'");
  refused("# nothing\n", "holds no key", "");
  ApiKeys keys;
  CHECK_THROWS_WITH(keys.add_file(key_file("alice chat " + hash + "\n", 0644)), Catch::Contains("chmod 600"));
  CHECK_THROWS_WITH(keys.add_file("/no/such/keys"), Catch::Contains("/no/such/keys"));
  CHECK_THROWS_AS(keys.add({"x", true, true, true, Learning::learn, 0}, ""), UserError);
}

TEST_CASE("each route wants its role") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.keys.add({"talker", true, false, false, Learning::store, 0}, "talk");
  settings.keys.add({"judge", false, true, false, Learning::learn, 0}, "judge");
  settings.keys.add({"root", false, false, true, Learning::learn, 0}, "root");
  HttpServer server(settings, service);
  const auto ask = [&](const std::string& request) {
    RawClient client(server.port());
    client.send(request);
    client.end_sending();
    CHECK(client.read_to_end());
    return client.received;
  };
  const auto as = [](const std::string& key) { return "Authorization: Bearer " + key + "\r\n"; };
  for (const char* open : {"/health", "/healthz", "/ready", "/version"}) CHECK(status_of(ask(http_get(open))) == 200);
  const std::string nobody = ask(http_get("/v1/models"));
  CHECK(status_of(nobody) == 401);
  CHECK(nobody.find("WWW-Authenticate: Bearer\r\n") != std::string::npos);
  CHECK(nobody.find("\"type\":\"authentication_error\"") != std::string::npos);
  for (const char* wrong : {"Authorization: Bearer tal\r\n", "Authorization: Basic talk\r\n", "Authorization: talk\r\n",
                            "Authorization: Bearer \r\n"})
    CHECK(status_of(ask(http_get("/v1/models", wrong))) == 401);
  CHECK(status_of(ask(http_get("/v1/models", as("talk")))) == 200);
  CHECK(status_of(ask(http_get("/v1/models", "authorization: bearer talk\r\n"))) == 200);
  const std::string forbidden = ask(http_get("/v1/models", as("judge")));
  CHECK(status_of(forbidden) == 403);
  CHECK(forbidden.find("role 'chat'") != std::string::npos);
  CHECK(status_of(ask(http_get("/status", as("talk")))) == 403);
  CHECK(status_of(ask(http_get("/status", as("root")))) == 200);
  CHECK(status_of(ask(http_get("/metrics", as("root")))) == 200);
  CHECK(status_of(ask(http_post(chat_body("count 1", false)))) == 401);
  RawClient talker(server.port());
  talker.send(http_post(chat_body("count 1", false), as("talk")));
  REQUIRE(talker.read_until("\"t0\""));
  CHECK(service.last().key == "talker");
  CHECK(service.last().learning == Learning::store);
  talker.received.clear();
  talker.send(http_post(chat_body("count 1", true)));  // without its key: the one before does not count
  REQUIRE(talker.read_until("authentication_error"));
  CHECK(status_of(talker.received) == 401);
}

TEST_CASE("what the server says of itself") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  client.send(http_get("/version"));
  REQUIRE(client.read_until("\"model\":\"demo\"}"));
  const Json version = Json::parse(client.received.substr(client.received.find("\r\n\r\n") + 4));
  CHECK(version.at("name") == "clawrl");
  CHECK(version.at("version").get<std::string>().find('.') != std::string::npos);
  CHECK(version.contains("commit"));
  service.problem = "rank 2 is gone";
  client.received.clear();
  client.send(http_get("/ready"));
  REQUIRE(client.read_until("rank 2 is gone"));
  CHECK(status_of(client.received) == 503);
}
