// HTTPS with a certificate made on the spot, asked by the openssl and curl programs.

#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/error.hpp"
#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct Output {
  int status = 0;
  std::string text;
};

/// From any thread, so without assertions: a shell that cannot be started is status 127.
Output run(const std::string& command) {
  Output output{127, {}};
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return output;
  char bytes[4096];
  while (const auto count = fread(bytes, 1, sizeof bytes, pipe)) output.text.append(bytes, count);
  output.status = WEXITSTATUS(pclose(pipe));
  return output;
}

/// A certificate for 127.0.0.1 and its key.
struct Certificate {
  explicit Certificate(const std::string& name) {
    const auto folder = std::filesystem::temp_directory_path() / ("clawrl_tls_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    certificate = (folder / (name + ".crt")).string();
    key = (folder / (name + ".key")).string();
    const Output made =
        run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
            "/CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout " +
            key + " -out " + certificate);
    INFO(made.text);
    REQUIRE(made.status == 0);
  }
  std::string certificate, key;
};

HttpSettings with(const Certificate& own) {
  HttpSettings settings = settings_with();
  settings.tls_certificate = own.certificate;
  settings.tls_key = own.key;
  return settings;
}

}  // namespace

TEST_CASE("curl speaks HTTPS: plain replies, streams, a kept connection") {
  const Certificate own("server");
  FakeService service;
  HttpServer server(with(own), service);
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port());
  const std::string curl = "curl -sS --max-time 60 --cacert " + own.certificate + " ";
  CHECK(run(curl + url + "/health " + url + "/version").text.find("{\"status\":\"ok\"}{\"name\"") == 0);
  const std::string post = curl + "-H 'Content-Type: application/json' " + url + "/v1/chat/completions -d ";
  CHECK(run(post + "'" + chat_body("count 3", false) + "'").text.find("\"t0 t1 t2\"") != std::string::npos);
  const Output stream = run(post + "'" + chat_body("count 200", true) + "'");
  CHECK(stream.text.find("\" t199\"") != std::string::npos);
  CHECK(stream.text.ends_with("data: [DONE]\n\n"));
  std::ofstream(own.key + ".body") << chat_body("count 2", false) << std::string(3 << 20, ' ');
  CHECK(run(post + "@" + own.key + ".body").text.find("\"t0 t1\"") != std::string::npos);
  const Output closed = run(curl + "-H 'Connection: close' " + url + "/health");
  CHECK(closed.status == 0);
  wait_connections(server, 0);
}

TEST_CASE("old protocol versions are refused, the client is not harmed by a plain one") {
  const Certificate own("server");
  FakeService service;
  HttpServer server(with(own), service);
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  CHECK(run("curl -sS --max-time 60 -k --tls-max 1.1 https://" + address + "/health").status != 0);
  CHECK(run("curl -sS --max-time 60 -k --tls-max 1.2 https://" + address + "/health").status == 0);
  CHECK(run("curl -sS --max-time 60 -k --tlsv1.3 https://" + address + "/health").status == 0);
  const Output plain = run("curl -sS --max-time 60 http://" + address + "/health");
  CHECK(plain.text.find("use https://") != std::string::npos);
}

TEST_CASE("a client that aborts a TLS stream stops its generation, one that never shakes hands is closed") {
  const Certificate own("server");
  FakeService service;
  HttpSettings settings = with(own);
  settings.header_timeout = 300ms;
  HttpServer server(settings, service);
  RawClient silent(server.port()), garbage(server.port()), half(server.port());
  garbage.send("\x16\x03\x01\x00\x05hello");
  half.send("\x16\x03\x01");
  for (RawClient* client : {&silent, &garbage, &half}) CHECK(client->read_to_end());
  run("curl -sS -k --max-time 1 https://127.0.0.1:" + std::to_string(server.port()) + "/v1/chat/completions -d '" +
      chat_body("wait", true) + "'");
  CHECK(service.wait_cancelled(1));
  wait_connections(server, 0);
}

TEST_CASE("stop ends TLS streams with an error event") {
  const Certificate own("server");
  FakeService service;
  HttpServer server(with(own), service);
  std::string text;
  std::thread client([&] {
    text = run("curl -sS -k --max-time 60 https://127.0.0.1:" + std::to_string(server.port()) +
               "/v1/chat/completions -d '" + chat_body("wait", true) + "'")
               .text;
  });
  CHECK(service.wait_started(1));
  server.stop(10ms);
  client.join();
  CHECK(text.find("shutting down") != std::string::npos);
  CHECK(server.connections() == 0);
}

TEST_CASE("wrong certificate files are refused by name") {
  const Certificate own("server"), other("other");
  FakeService service;
  const auto refused = [&](const std::string& certificate, const std::string& key, const std::string& because) {
    HttpSettings settings = settings_with();
    settings.tls_certificate = certificate;
    settings.tls_key = key;
    CHECK_THROWS_WITH(HttpServer(settings, service), Catch::Contains(because));
  };
  refused("/no/such.crt", own.key, "http.tls_certificate: cannot read /no/such.crt");
  refused(own.certificate, "/no/such.key", "http.tls_key: cannot read /no/such.key");
  refused(own.key, own.key, "http.tls_certificate: " + own.key + " is no PEM certificate");
  refused(own.certificate, own.certificate, "http.tls_key: " + own.certificate + " is no PEM private key");
  refused(own.certificate, other.key, "does not belong to");
  refused(own.certificate, "", "together");
}
