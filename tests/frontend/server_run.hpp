#pragma once
// What the tests of the whole HTTP server share.

#include <nlohmann/json.hpp>

#include "fake_service.hpp"
#include "frontend/http_server.hpp"
#include "raw_client.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

using namespace std::chrono_literals;
using Json = nlohmann::json;

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

inline Log g_log;

inline HttpSettings settings_with(int io_threads = 1) {
  HttpSettings settings;
  settings.io_threads = io_threads;
  settings.log = g_log.sink();
  return settings;
}

inline std::string streamed_text(const std::string& received) {
  std::string text;
  for (const std::string& event : events_of(received)) {
    if (event == "[DONE]") continue;
    const Json chunk = Json::parse(event);
    for (const Json& choice : chunk.at("choices")) text += choice.at("delta").value("content", "");
  }
  return text;
}

inline const std::string kStreamEnd = "data: [DONE]\n\n\r\n0\r\n\r\n";

inline std::vector<RawClient> open_streams(int port, int count, const std::string& text) {
  std::vector<RawClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(port);
    REQUIRE(clients.back().connected());
    REQUIRE(clients.back().send(http_post(chat_body(text, true))));
  }
  return clients;
}

inline void wait_connections(const HttpServer& server, std::size_t count) {
  for (int i = 0; i < 6000 && server.connections() != count; ++i) std::this_thread::sleep_for(5ms);
  CHECK(server.connections() == count);
}

}  // namespace clawrl::test
