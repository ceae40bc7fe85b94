#pragma once
// A bare TCP client that can be as rude as a test wants.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "frontend/sse.hpp"

namespace clawrl::test {

class RawClient {
 public:
  explicit RawClient(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  RawClient(RawClient&& other) noexcept
      : received(std::move(other.received)), fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~RawClient() { hang_up(); }

  bool connected() const { return connected_; }
  void hang_up() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  void end_sending() { shutdown(fd_, SHUT_WR); }

  /// False when the server does not take it any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Reads until `received` holds `marker`; false at the end of the stream or after 30 s.
  bool read_until(const std::string& marker) {
    std::size_t from = 0;
    while (received.find(marker, from) == std::string::npos) {
      from = received.size() > marker.size() ? received.size() - marker.size() : 0;
      if (!read_some()) return false;
    }
    return true;
  }

  /// Reads to the end of the stream; false if it does not come within 30 s.
  bool read_to_end() {
    while (read_some()) continue;
    return at_end_;
  }

  std::string received;

 private:
  bool read_some() {
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, 30'000) <= 0) return false;
    char bytes[16384];
    const auto count = recv(fd_, bytes, sizeof bytes, 0);
    at_end_ = count <= 0;
    if (count > 0) received.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

  int fd_;
  bool connected_ = false;
  bool at_end_ = false;
};

inline std::string http_get(const std::string& path, const std::string& headers = "",
                            const std::string& method = "GET") {
  return method + " " + path + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n";
}

inline std::string http_post(const std::string& body, const std::string& headers = "",
                             const std::string& path = "/v1/chat/completions") {
  return "POST " + path + " HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string chat_body(const std::string& text, bool stream, const std::string& more = "") {
  return R"({"model":"demo","messages":[{"role":"user","content":")" + text + R"("}],"stream":)" +
         (stream ? "true" : "false") + more + "}";
}

/// The status of the first reply in `received`; 0 if there is none.
inline int status_of(const std::string& received) {
  return received.starts_with("HTTP/1.1 ") ? std::stoi(received.substr(9, 3)) : 0;
}

/// The data of all events of a chunked stream: the first one in `received`.
inline std::vector<std::string> events_of(const std::string& received) {
  std::size_t at = received.find("\r\n\r\n") + 4;
  std::string body;
  while (at < received.size()) {
    const std::size_t line = received.find("\r\n", at);
    const std::size_t size = std::stoul(received.substr(at, line - at), nullptr, 16);
    if (size == 0) break;
    body += received.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  return SseParser().feed(body);
}

}  // namespace clawrl::test
