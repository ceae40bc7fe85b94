#include "frontend/connection.hpp"

#include <boost/asio/post.hpp>

#include "frontend/server_reply.hpp"

namespace clawrl {

namespace asio = boost::asio;
namespace http = boost::beast::http;

Connection::Connection(std::unique_ptr<Channel> channel, std::shared_ptr<ServerContext> context)
    : channel_(std::move(channel)),
      executor_(channel_->socket().get_executor()),
      context_(std::move(context)),
      deadline_(executor_),
      tick_(executor_) {}

template <class Handler>
auto Connection::bound(Handler handler) {
  return [self = shared_from_this(), handler] {
    if (self->phase_ != Phase::closed) handler(*self);
  };
}

void Connection::start() {
  asio::post(executor_, bound([](Connection& self) { self.open([](Connection& opened) { opened.read_some(); }); }));
}

void Connection::turn_away() {
  asio::post(executor_, bound([](Connection& self) {
               self.open([](Connection& opened) {
                 opened.refuse(503, "too many open connections (http.max_connections = " +
                                        std::to_string(opened.context_->settings.max_connections) + "); try again");
               });
             }));
}

void Connection::open(std::function<void(Connection&)> then) {
  Error ignored;
  channel_->socket().set_option(Channel::Tcp::no_delay(true), ignored);
  channel_->socket().set_option(asio::socket_base::keep_alive(true), ignored);  // finds peers that are gone in silence
  arm_deadline(context_->settings.header_timeout);
  channel_->open([self = shared_from_this(), then = std::move(then)](Error error, bool secure) {
    if (self->phase_ == Phase::closed) return;
    if (error) ++self->context_->meter.handshakes_failed;
    if (error) return self->close();
    self->phase_ = Phase::idle;
    if (secure) return then(*self);
    self->refuse(400, "this port speaks TLS: use https://");
  });
}

void Connection::drain() {
  asio::post(executor_, bound([](Connection& self) {
               if (self.phase_ == Phase::idle || self.phase_ == Phase::opening) self.close();
             }));
}

void Connection::end_now() {
  asio::post(executor_, bound([](Connection& self) {
               self.keep_alive_ = false;
               if (self.exchange_)
                 self.exchange_->fail(server_error(503, "the server is shutting down"));
               else if (self.phase_ == Phase::replying && !self.last_queued_)
                 self.refuse(503, "the server is shutting down");
               else if (self.phase_ != Phase::replying && self.phase_ != Phase::lingering)
                 self.close();
             }));
}

void Connection::abort() {
  asio::post(executor_, bound([](Connection& self) { self.close(); }));
}

void Connection::pump() {
  if (exchange_) exchange_->pump();
}

void Connection::arm_tick(std::chrono::steady_clock::time_point when) {
  tick_.expires_at(when);
  tick_.async_wait([weak = weak_from_this()](Error error) {
    const auto self = weak.lock();
    if (error || !self || !self->exchange_) return;
    self->arm_tick(self->exchange_->tick());
  });
}

void Connection::refuse(int status, const std::string& message) {
  phase_ = Phase::replying;
  keep_alive_ = false;
  parser_.reset();
  reply(status, format_error(server_error(status, message)));
}

std::string Connection::head(int status) const {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
  text.append(std::string(http::obsolete_reason(static_cast<http::status>(status)))).append("\r\nServer: clawrl\r\n");
  const bool turn = endpoint_ == Endpoint::chat || endpoint_ == Endpoint::completions;
  if (turn && status == 200 && !context_->service.unrecorded().empty()) text.append("X-Unrecorded: true\r\n");
  text.append(keep_alive_ && !context_->draining ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
  return text + headers_;
}

void Connection::set_header(const std::string& name, const std::string& value) {
  headers_ += name + ": " + value + "\r\n";
}

void Connection::reply(int status, const std::string& body) {
  context_->meter.replied(endpoint_, status);
  std::string bytes = head(status);
  if (!allow_.empty()) bytes += "Allow: " + allow_ + "\r\n";
  allow_.clear();
  if (status == 401) bytes += "WWW-Authenticate: Bearer\r\n";
  if (status == 429 || status == 503) bytes += "Retry-After: " + std::to_string(retry_after_s_) + "\r\n";
  retry_after_s_ = 1;
  if (status != 204)
    bytes += "Content-Type: " + content_type_ + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  bytes += "\r\n";
  content_type_ = kJson;
  if (!head_only_) bytes += body;
  send(bytes, true);
}

void Connection::open_stream() {
  context_->meter.replied(endpoint_, 200);
  ++context_->meter.streams;
  streaming_ = true;
  if (!http11_) keep_alive_ = false;  // the end of the stream is the end of the connection
  std::string bytes = head(200) + "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n";
  bytes += http11_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  send(bytes, false);
}

}  // namespace clawrl
