// Bytes to a real server: HTTP, route, body of each route. Every input that asks something is answered, none with a
// 500, and the server lives on.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "frontend/http_server.hpp"

namespace {

using namespace clawrl;

/// Answers each call at once.
class AtOnce : public ChatService {
 public:
  std::uint64_t start(ChatRequest request, std::shared_ptr<ChatSink> sink) override {
    const std::uint64_t ticket = ++tickets_;
    if (!request.messages.empty()) sink->on_text(request.messages.back().text.substr(0, 10));
    sink->on_tool_call({0, "abcdefgh1", "f", "{}"});
    sink->on_finish("stop", {1, 1, 0});
    return ticket;
  }
  std::uint64_t begun() const { return tickets_; }
  void cancel(std::uint64_t) override {}
  std::vector<ModelCard> models() override { return {{"m", 100, 0}}; }
  std::string health() override { return {}; }
  std::string status_json() override { return "{}"; }
  void tokenize(TokenizeRequest, Answer<std::vector<TokenId>> answer) override { answer({{{1, 2}}, {}}); }
  void detokenize(std::vector<TokenId>, Answer<std::string> answer) override { answer({"ab", {}}); }
  void feedback(FeedbackRequest, Answer<FeedbackReceipt> answer) override { answer({FeedbackReceipt{}, {}}); }
  void export_user(UserDataRequest, Answer<UserExport> answer) override { answer({UserExport{}, {}}); }
  void erase_user(UserDataRequest, Answer<ErasureReport> answer) override { answer({ErasureReport{}, {}}); }

 private:
  std::atomic<std::uint64_t> tickets_{0};
};

/// libFuzzer's alarm would end a connect or a poll of this thread early; the server's threads take it instead.
void leave_the_alarm_to_others() {
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
}

struct Running {
  Running() { leave_the_alarm_to_others(); }
  static HttpSettings settings() {
    HttpSettings settings;
    settings.max_body_bytes = 1 << 16;
    settings.max_header_bytes = 4096;
    settings.log = [](const std::string&) {};
    return settings;
  }
  AtOnce service;
  HttpServer server{settings(), service};
};

[[noreturn]] void fail(const char* why, const std::string& reply) {
  std::fprintf(stderr, "http_request: %s\n%s\n", why, reply.c_str());
  std::abort();
}

/// From one loopback address after the other, so that their ports do not run out.
int connected(int port) {
  static std::uint32_t calls = 0;
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(0x7F010000U | (calls++ % 60000U + 1));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0;
  if (!bound || ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("cannot connect", "");
  return socket;
}

std::string answer_to(int port, const std::uint8_t* data, std::size_t size) {
  const int socket = connected(port);
  std::size_t sent = 0;
  while (sent < size) {
    const auto count = ::send(socket, data + sent, size - sent, MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  ::shutdown(socket, SHUT_WR);
  std::string reply;
  for (;;) {
    pollfd waiting{socket, POLLIN, 0};
    if (::poll(&waiting, 1, 30'000) <= 0) fail("no end of the answer within 30 s", reply);
    char bytes[8192];
    const auto count = ::recv(socket, bytes, sizeof bytes, 0);
    if (count <= 0) break;
    reply.append(bytes, static_cast<std::size_t>(count));
  }
  ::close(socket);
  return reply;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Running running;
  const std::uint64_t begun = running.service.begun();
  const std::string reply = answer_to(running.server.port(), data, size);
  // A client that ends its side while a reply is generated counts as gone.
  const bool gone = running.service.begun() > begun && reply.empty();
  if (size > 0 && !gone && !reply.starts_with("HTTP/1.1 ")) fail("no answer", reply);
  for (const char* wrong : {" 500 Internal Server Error\r\nServer", " 503 Service Unavailable\r\nServer",
                            " 504 Gateway Timeout\r\nServer"})  // with a line end, which no echo of the input has
    if (reply.find(wrong) != std::string::npos) fail("a 5xx", reply);
  return 0;
}
