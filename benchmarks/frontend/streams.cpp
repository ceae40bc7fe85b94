#include "streams.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "policy.hpp"

namespace clawrl::bench {
namespace {

constexpr int kPatience_ms = 60'000;

int connected(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("cannot connect");
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

void send_all(int socket, const std::string& bytes) {
  if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("cannot send a request");
}

/// More bytes onto `text`; false at the end or after a minute.
bool read_more(int socket, std::string& text) {
  pollfd waiting{socket, POLLIN, 0};
  char bytes[16384];
  if (::poll(&waiting, 1, kPatience_ms) <= 0) return false;
  const auto count = ::recv(socket, bytes, sizeof bytes, 0);
  if (count > 0) text.append(bytes, static_cast<std::size_t>(count));
  return count > 0;
}

struct Stream {
  int socket = -1;
  std::string unread;
  int tokens = 0;
  std::int64_t last_ns = 0;
  bool in_order = true, done = false;

  /// Takes the whole tokens out of what has come.
  void take(std::vector<double>& overhead_ms) {
    const std::string mark = "\"content\":\"t";
    const std::int64_t now = now_ns();
    std::size_t at = 0;
    for (std::size_t found; (found = unread.find(mark, at)) != std::string::npos;) {
      const std::size_t end = unread.find('"', found + mark.size());
      if (end == std::string::npos) break;
      const std::int64_t made = std::atoll(unread.c_str() + found + mark.size());
      in_order = in_order && made > last_ns;
      last_ns = made;
      ++tokens;
      overhead_ms.push_back(1e-6 * static_cast<double>(now - made));
      at = end;
    }
    done = done || unread.find("data: [DONE]", at) != std::string::npos;
    const std::size_t kept = std::min<std::size_t>(unread.size() - at, 512);
    unread.erase(0, unread.size() - kept);
  }
};

class Crowd {
 public:
  ~Crowd() {
    for (const Stream& stream : streams)
      if (stream.socket >= 0) ::close(stream.socket);
    ::close(epoll_);
  }
  void open(int port, const std::string& request) {
    Stream& stream = streams.emplace_back();
    stream.socket = connected(port);
    send_all(stream.socket, request);
    ::fcntl(stream.socket, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = streams.size() - 1;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, stream.socket, &event);
    ++open_;
  }
  /// Reads what is there, waiting at most `wait_ms` for it; false when nothing came.
  bool read(int wait_ms, std::vector<double>& overhead_ms) {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll_, events, 256, wait_ms);
    for (int i = 0; i < count; ++i) read_one(streams[events[i].data.u64], overhead_ms);
    return count > 0;
  }
  int still_open() const { return open_; }
  std::vector<Stream> streams;

 private:
  void read_one(Stream& stream, std::vector<double>& overhead_ms) {
    char bytes[16384];
    const auto count = ::recv(stream.socket, bytes, sizeof bytes, 0);
    if (count > 0) stream.unread.append(bytes, static_cast<std::size_t>(count));
    stream.take(overhead_ms);
    if (count > 0 && !stream.done) return;
    ::close(stream.socket);
    stream.socket = -1;
    --open_;
  }
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC), open_ = 0;
};

}  // namespace

std::string chat_request(const std::string& text) {
  const std::string body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":")" + text + "\"}]}";
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

StreamsResult run_streams(int port, int count, int tokens, double every_ms) {
  StreamsResult result;
  Crowd crowd;
  const std::string request = chat_request(std::to_string(tokens) + " " + std::to_string(every_ms));
  const std::int64_t begin = now_ns();
  for (int i = 0; i < count; ++i) {
    crowd.open(port, request);
    const auto due = begin + static_cast<std::int64_t>(1e6 * every_ms * (i + 1) / count);
    while (now_ns() < due) crowd.read(1, result.overhead_ms);
  }
  result.opened = count;
  while (crowd.still_open() > 0 && crowd.read(kPatience_ms, result.overhead_ms)) continue;
  for (const Stream& stream : crowd.streams)
    result.complete += stream.done && stream.in_order && stream.tokens == tokens;
  result.seconds = 1e-9 * static_cast<double>(now_ns() - begin);
  return result;
}

int abort_streams(int port, int count, int at_once) {
  const std::string request = chat_request("1000000 5");
  int begun = 0;
  for (int first = 0; first < count; first += at_once) {
    std::vector<int> sockets;
    for (int i = first; i < std::min(count, first + at_once); ++i) {
      sockets.push_back(connected(port));
      send_all(sockets.back(), request);
    }
    for (const int socket : sockets) {
      std::string text;
      begun += read_more(socket, text) && text.starts_with("HTTP/1.1 200");
      ::close(socket);
    }
  }
  return begun;
}

std::vector<std::vector<double>> first_bytes(const std::vector<int>& ports, const std::vector<std::string>& requests,
                                             const std::vector<std::string>& ends, int rounds) {
  std::vector<std::vector<double>> times(ports.size());
  std::vector<int> sockets;
  for (const int port : ports) sockets.push_back(connected(port));
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round)
    for (std::size_t turn = 0; turn < ports.size(); ++turn) {
      const std::size_t i = (round + turn) % ports.size();  // each comes first, and after each other one, equally often
      std::string answer;
      const std::int64_t begin = now_ns();
      send_all(sockets[i], requests[i]);
      if (!read_more(sockets[i], answer)) throw std::runtime_error("no answer");
      times[i].push_back(1e-6 * static_cast<double>(now_ns() - begin));
      while (answer.find(ends[i]) == std::string::npos)
        if (!read_more(sockets[i], answer)) throw std::runtime_error("half an answer");
    }
  for (const int socket : sockets) ::close(socket);
  return times;
}

}  // namespace clawrl::bench
