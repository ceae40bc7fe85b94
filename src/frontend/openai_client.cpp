#include "frontend/openai_client.hpp"

#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <limits>

#include "frontend/openai_reply.hpp"

namespace clawrl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;
using Request = http::request<http::string_body>;
using Parser = http::response_parser<http::string_body>;
using Error = boost::system::error_code;

// Not boost::none: Boost 1.74 takes that as a limit of 0 when there is a Content-Length.
constexpr auto kNoLimit = std::numeric_limits<std::uint64_t>::max();

}  // namespace

struct OpenAiClient::Impl {
  Impl(ServerUrl server_given, std::chrono::milliseconds timeout_given)
      : server(std::move(server_given)), timeout(timeout_given) {}

  /// Runs one asynchronous operation to its end; it ends at the deadline at the latest.
  template <class Start>
  Error wait(Start start) {
    Error result = asio::error::operation_aborted;
    stream->expires_at(deadline);
    start([&result](Error error, auto&&...) { result = error; });
    io.restart();
    io.run();
    return result;
  }

  Error connect();
  Error exchange(Request& request, Parser& parser);
  Request make(http::verb verb, const std::string& target) const;
  HttpReply whole(Request request);  // an answer that is no stream
  void read_body(Parser& parser, ChatReply& reply, Clock::time_point begin);
  void read_stream(Parser& parser, ChatReply& reply, Clock::time_point begin);

  const ServerUrl server;
  const std::chrono::milliseconds timeout;
  Clock::time_point deadline;
  asio::io_context io;
  std::optional<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
};

Error OpenAiClient::Impl::connect() {
  Error error;
  asio::ip::tcp::resolver resolver(io);
  const auto endpoints = resolver.resolve(server.host, std::to_string(server.port), error);
  if (error) return error;
  buffer.clear();
  stream.emplace(io);
  error = wait([&](auto done) { stream->async_connect(endpoints, done); });
  if (error) {
    stream.reset();
    return error;
  }
  Error ignored;
  stream->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  return {};
}

/// Sends and reads the header of the answer. A kept connection that the server closed meanwhile is opened anew.
Error OpenAiClient::Impl::exchange(Request& request, Parser& parser) {
  for (bool reused = stream.has_value();; reused = false) {
    if (!stream)
      if (const Error error = connect()) return error;
    Error error = wait([&](auto done) { http::async_write(*stream, request, done); });
    if (!error) error = wait([&](auto done) { http::async_read_header(*stream, buffer, parser, done); });
    if (!error) return {};
    stream.reset();
    if (!reused || parser.got_some() || error == beast::error::timeout) return error;
  }
}

Request OpenAiClient::Impl::make(http::verb verb, const std::string& target) const {
  Request request(verb, target, 11);
  request.set(http::field::host, server.host + ":" + std::to_string(server.port));
  request.set(http::field::user_agent, "clawrl");
  request.set(http::field::accept, "application/json");
  return request;
}

void OpenAiClient::Impl::read_stream(Parser& parser, ChatReply& reply, Clock::time_point begin) {
  ReplyReader reader(reply, begin);
  Error error;
  while (!parser.is_done() && !error) {
    error = wait([&](auto done) { http::async_read_some(*stream, buffer, parser, done); });
    reader.feed(std::exchange(parser.get().body(), {}));
  }
  if (error) stream.reset();
  if (error || !reader.done()) broken(reply, error ? error.message() : "the stream ended without [DONE]");
}

void OpenAiClient::Impl::read_body(Parser& parser, ChatReply& reply, Clock::time_point begin) {
  if (!parser.is_done()) {
    if (const Error error = wait([&](auto done) { http::async_read(*stream, buffer, parser, done); })) {
      stream.reset();
      return broken(reply, error.message());
    }
  }
  read_whole_reply(parser.get().body(), begin, reply);
}

OpenAiClient::OpenAiClient(const ServerUrl& server, std::chrono::milliseconds timeout)
    : impl_(std::make_unique<Impl>(server, timeout)) {}
OpenAiClient::~OpenAiClient() = default;
OpenAiClient::OpenAiClient(OpenAiClient&&) noexcept = default;
OpenAiClient& OpenAiClient::operator=(OpenAiClient&&) noexcept = default;

ChatReply OpenAiClient::chat(const std::vector<Message>& messages, const ChatOptions& options) {
  Request request = impl_->make(http::verb::post, impl_->server.prefix + "/chat/completions");
  request.set(http::field::content_type, "application/json");
  if (!options.session.empty()) request.set("X-Session-Id", options.session);
  if (options.turn_type) request.set("X-Turn-Type", *options.turn_type == TurnType::main ? "main" : "side");
  if (options.session_done) request.set("X-Session-Done", "true");
  for (const auto& [name, value] : options.headers) request.set(name, value);
  request.body() = request_body(messages, options);
  request.prepare_payload();

  ChatReply reply;
  Parser parser;
  parser.body_limit(kNoLimit);
  const auto begin = Clock::now();
  impl_->deadline = begin + impl_->timeout;
  if (const Error error = impl_->exchange(request, parser)) {
    broken(reply,
           "no answer from " + impl_->server.host + ":" + std::to_string(impl_->server.port) + ": " + error.message());
  } else {
    reply.status = static_cast<int>(parser.get().result_int());
    const std::string type(parser.get()[http::field::content_type]);
    if (type.starts_with("text/event-stream"))
      impl_->read_stream(parser, reply, begin);
    else
      impl_->read_body(parser, reply, begin);
    if (impl_->stream && !parser.get().keep_alive()) impl_->stream.reset();
  }
  reply.total_s = seconds_since(begin);
  return reply;
}

HttpReply OpenAiClient::Impl::whole(Request request) {
  Parser parser;
  parser.body_limit(kNoLimit);
  deadline = Clock::now() + timeout;
  Error error = exchange(request, parser);
  if (!error && !parser.is_done()) error = wait([&](auto done) { http::async_read(*stream, buffer, parser, done); });
  if (error) {
    stream.reset();
    return {0, error.message()};
  }
  if (!parser.get().keep_alive()) stream.reset();
  return {static_cast<int>(parser.get().result_int()), parser.get().body()};
}

HttpReply OpenAiClient::get(const std::string& path) {
  return impl_->whole(impl_->make(http::verb::get, path));
}

HttpReply OpenAiClient::post(const std::string& path, const std::string& json) {
  Request request = impl_->make(http::verb::post, path);
  request.set(http::field::content_type, "application/json");
  request.body() = json;
  request.prepare_payload();
  return impl_->whole(std::move(request));
}

}  // namespace clawrl
