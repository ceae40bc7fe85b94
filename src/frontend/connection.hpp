#pragma once
// One TCP connection of the server. Callbacks, not coroutines: a read stays pending while a reply is written, and
// Boost 1.74 has no way to race two awaitables.

#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>

#include "frontend/channel.hpp"
#include "frontend/chat_exchange.hpp"
#include "frontend/routes.hpp"
#include "frontend/server_context.hpp"

namespace clawrl {

//   opening -> idle -> header -> body -> replying -> idle (keep-alive)
//                                          |
//                                          v
//                                       lingering (sent all, drops what still comes in) -> closed
/// Reads at all times, so that a client's leaving is seen at once; bytes that come during a reply are the next
/// requests and wait in the buffer (up to max_pipelined_bytes, then TCP holds them back).
class Connection final : public std::enable_shared_from_this<Connection>, private ReplyTransport {
 public:
  Connection(std::unique_ptr<Channel> channel, std::shared_ptr<ServerContext> context);

  // Any thread: these run on the connection's strand.
  void start();
  void turn_away();  // instead of start(): answers 503 and closes
  void drain();      // closes if no request has begun
  void end_now();    // ends a running reply with an error
  void abort();      // closes at once

 private:
  using Error = boost::system::error_code;
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Phase { opening, idle, header, body, replying, lingering, closed };
  static constexpr std::size_t kReadBytes = 16 << 10;
  static constexpr const char* kJson = "application/json";
  static constexpr std::size_t kMaxDropped = std::size_t{128} << 20;

  void open(std::function<void(Connection&)> then);

  // reading
  void read_some();
  void on_read(Error error, std::size_t bytes);
  void advance();  // takes the buffered bytes as far as they go
  void read_header();
  void on_header();
  void read_body();
  bool reserve(std::size_t bytes);  // of the memory for bodies; false: has refused the request
  void free_body() { context_->meter.bytes_reading -= static_cast<std::int64_t>(std::exchange(reserved_, 0)); }
  void drop_input();
  void on_bad_input(Error error);

  // answering
  void dispatch();
  bool admit(const Request& request, const Route& route);  // false: has answered
  void answer(Request& request, Endpoint endpoint);
  void start_replies(Request& request, ParsedChat (*parse)(std::string_view, const RequestHeaders&));
  void tokenize(Request& request);
  void detokenize(Request& request);
  void begin(ParsedChat parsed);
  /// parse() here, or elsewhere when `bytes` are many; then(result) here. What they throw is answered.
  template <class Parse, class Then>
  void parsed(std::size_t bytes, Parse parse, Then then);
  template <class Action>
  void guarded(Action action);  // answers what `action` throws
  template <class T, class Format>
  Answer<T> later(Format format);  // for the service: replies with format(value) once it has answered
  std::string own_key() const;
  bool authorize(const Request& request, Access access);  // false: has answered 401 or 403
  void refuse(int status, const std::string& message);    // and closes afterwards
  void pump();
  void arm_tick(std::chrono::steady_clock::time_point when);

  // ReplyTransport
  void set_header(const std::string& name, const std::string& value) override;
  bool writing() const override { return writing_; }
  void reply(int status, const std::string& body) override;
  void open_stream() override;
  void stream(const std::string& events, bool last) override;
  void cut(const std::string& reason) override;

  // writing
  std::string head(int status) const;
  void send(const std::string& bytes, bool last);
  void write_some();
  void on_written(Error error, std::size_t bytes);
  void finish_reply();
  void release();  // what a request holds

  void arm_deadline(std::chrono::milliseconds limit);
  void disarm_deadline() { deadline_.expires_at(std::chrono::steady_clock::time_point::max()); }
  void on_deadline();
  void close();
  template <class Handler>
  auto bound(Handler handler);

  const std::unique_ptr<Channel> channel_;
  const boost::asio::any_io_executor executor_;  // the strand
  const std::shared_ptr<ServerContext> context_;
  boost::asio::steady_timer deadline_, tick_;
  Phase phase_ = Phase::opening;

  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  bool reading_ = false;
  bool eof_ = false;
  std::size_t dropped_ = 0;
  std::size_t reserved_ = 0;  // of the memory for bodies

  std::unique_ptr<ChatExchange> exchange_;
  Endpoint endpoint_ = Endpoint::none;  // of the request that is answered
  const ApiKey* key_ = nullptr;
  RequestLimits::Place place_;
  std::uint64_t serial_ = 0;  // its number on this connection
  std::string content_type_ = kJson;
  int retry_after_s_ = 1;
  std::string headers_;  // more of them, whole lines
  std::string allow_;    // goes out as Allow
  bool streaming_ = false;
  bool keep_alive_ = true;
  bool http11_ = true;
  bool head_only_ = false;

  std::string outbox_, in_flight_;
  std::size_t sent_ = 0;  // of in_flight_
  bool writing_ = false;
  bool last_queued_ = false;
};

}  // namespace clawrl
