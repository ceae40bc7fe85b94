#include "frontend/connection.hpp"

#include <boost/asio/post.hpp>

namespace clawrl {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

ChatError error_for(int status, const std::string& message) {
  const char* type = status == 401 ? "authentication_error" : status < 500 ? "invalid_request_error" : "server_error";
  return {status, type, status == 404 ? "not_found" : "", "", message};
}

std::optional<std::string> header(const http::fields& fields, const char* name) {
  const auto it = fields.find(name);
  if (it == fields.end() || it->value().empty()) return std::nullopt;
  return std::string(it->value());
}

}  // namespace

Connection::Connection(Tcp::socket socket, std::shared_ptr<ServerContext> context)
    : socket_(std::move(socket)),
      context_(std::move(context)),
      deadline_(socket_.get_executor()),
      tick_(socket_.get_executor()) {}

template <class Handler>
auto Connection::bound(Handler handler) {
  return [self = shared_from_this(), handler] {
    if (self->phase_ != Phase::closed) handler(*self);
  };
}

void Connection::start() {
  asio::post(socket_.get_executor(), bound([](Connection& self) {
               Error ignored;
               self.socket_.set_option(Tcp::no_delay(true), ignored);
               self.arm_deadline(self.context_->settings.header_timeout);
               self.read_some();
             }));
}

void Connection::drain() {
  asio::post(socket_.get_executor(), bound([](Connection& self) {
               if (self.phase_ == Phase::idle) self.close();
             }));
}

void Connection::end_now() {
  asio::post(socket_.get_executor(), bound([](Connection& self) {
               self.keep_alive_ = false;
               if (self.exchange_)
                 self.exchange_->fail(error_for(503, "the server is shutting down"));
               else if (self.phase_ != Phase::replying && self.phase_ != Phase::lingering)
                 self.close();
             }));
}

void Connection::abort() {
  asio::post(socket_.get_executor(), bound([](Connection& self) { self.close(); }));
}

void Connection::dispatch() {
  phase_ = Phase::replying;
  disarm_deadline();
  const Request request = parser_->release();
  parser_.reset();
  const std::string method(request.method_string()), target(request.target());
  const Route route = find_route(method, target);
  allow_ = route.allow;
  if (route.endpoint == Endpoint::none)
    return reply(404, format_error(error_for(404, "no such path: " + target + "; this server has " + known_paths())));
  if (method == "OPTIONS") return reply(204, "");
  if (!route.allowed) return reply(405, format_error(error_for(405, target + " takes " + allow_ + ", not " + method)));
  if (route.access != Access::open && !authorized(request))
    return reply(401, format_error(error_for(401, "a valid key is needed: send 'Authorization: Bearer <key>'")));
  allow_.clear();
  try {
    answer(request, route.endpoint);
  } catch (const RequestError& problem) {
    reply(problem.error.status, format_error(problem.error));
  } catch (const std::exception& problem) {
    context_->log(std::string("internal error in ") + target + ": " + problem.what());
    reply(500, format_error(error_for(500, problem.what())));
  }
}

void Connection::answer(const Request& request, Endpoint endpoint) {
  ChatService& service = context_->service;
  if (endpoint == Endpoint::chat) return start_chat(request);
  if (endpoint == Endpoint::models) return reply(200, format_models(service.models()));
  if (endpoint == Endpoint::status) return reply(200, service.status_json());
  const std::string problem = context_->draining ? "shutting down" : service.health();
  reply(problem.empty() ? 200 : 503, format_health(problem));
}

void Connection::start_chat(const Request& request) {
  if (context_->draining) return reply(503, format_error(error_for(503, "the server is shutting down")));
  ParsedChat parsed = parse_chat_request(
      request.body(),
      {header(request, "X-Session-Id"), header(request, "X-Turn-Type"), header(request, "X-Session-Done")});
  auto wake = [weak = weak_from_this(), executor = socket_.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) self->pump();
    });
  };
  ReplyTransport& self = *this;
  exchange_ = std::make_unique<ChatExchange>(std::move(parsed), context_->service, context_->settings, self, wake);
  exchange_->begin();
  if (exchange_ && exchange_->streamed()) arm_tick(std::chrono::steady_clock::now() + context_->settings.error_grace);
}

template <class T, class Format>
Answer<T> Connection::later(Format format) {
  return [weak = weak_from_this(), executor = socket_.get_executor(), format](Outcome<T> outcome) {
    asio::post(executor, [weak, format, outcome = std::move(outcome)] {
      const auto self = weak.lock();
      if (!self || self->phase_ != Phase::replying) return;
      self->reply(outcome.value ? 200 : outcome.error.status,
                  outcome.value ? format(*outcome.value) : format_error(outcome.error));
    });
  };
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

bool Connection::authorized(const Request& request) const {
  const std::string& key = context_->settings.api_key;
  if (key.empty()) return true;
  const std::string given(request[http::field::authorization]), wanted = "Bearer " + key;
  unsigned difference = given.size() != wanted.size();  // in constant time: tells nothing about how much was right
  for (std::size_t i = 0; i < given.size() && i < wanted.size(); ++i)
    difference |= static_cast<unsigned char>(given[i] ^ wanted[i]);
  return difference == 0;
}

void Connection::refuse(int status, const std::string& message) {
  phase_ = Phase::replying;
  keep_alive_ = false;
  parser_.reset();
  reply(status, format_error(error_for(status, message)));
}

std::string Connection::head(int status) const {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
  text.append(std::string(http::obsolete_reason(static_cast<http::status>(status)))).append("\r\nServer: clawrl\r\n");
  text.append(keep_alive_ && !context_->draining ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
  return text;
}

void Connection::reply(int status, const std::string& json) {
  std::string bytes = head(status);
  if (!allow_.empty()) bytes += "Allow: " + allow_ + "\r\n";
  allow_.clear();
  if (status == 401) bytes += "WWW-Authenticate: Bearer\r\n";
  if (status == 429 || status == 503) bytes += "Retry-After: 1\r\n";
  if (status != 204)
    bytes += "Content-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) + "\r\n";
  bytes += "\r\n";
  if (!head_only_) bytes += json;
  send(bytes, true);
}

void Connection::open_stream() {
  if (!http11_) keep_alive_ = false;  // the end of the stream is the end of the connection
  std::string bytes = head(200) + "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n";
  bytes += http11_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  send(bytes, false);
}

}  // namespace clawrl
