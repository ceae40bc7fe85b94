#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

#include "frontend/connection.hpp"
#include "frontend/server_reply.hpp"

namespace clawrl {

namespace http = boost::beast::http;

namespace {

// Not boost::none: Boost 1.74 takes that as a limit of 0 when there is a Content-Length.
constexpr auto kNoLimit = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void Connection::read_some() {
  if (reading_ || eof_ || phase_ == Phase::closed) return;
  if (phase_ == Phase::replying && buffer_.size() >= context_->settings.max_pipelined_bytes) return;
  reading_ = true;
  channel_->read_some(buffer_.prepare(kReadBytes),
                      [self = shared_from_this()](Error error, std::size_t bytes) { self->on_read(error, bytes); });
}

void Connection::on_read(Error error, std::size_t bytes) {
  reading_ = false;
  if (phase_ == Phase::closed) return;
  if (error) {
    eof_ = true;
    // A client that only shut its sending side still gets the replies to what it sent, but not a generation.
    if (error == boost::asio::error::eof && (phase_ == Phase::header || phase_ == Phase::body))
      return refuse(400, "the connection ended before the request was complete");
    const bool reply_on_its_way = phase_ == Phase::replying && (!exchange_ || last_queued_);
    if (exchange_ && !last_queued_) ++context_->meter.hang_ups;
    if (error != boost::asio::error::eof || !reply_on_its_way) close();
    return;
  }
  buffer_.commit(bytes);
  advance();
  read_some();
}

void Connection::advance() {
  if (phase_ == Phase::idle && buffer_.size() > 0) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(context_->settings.max_header_bytes));
    parser_->body_limit(kNoLimit);  // checked in on_header, to answer before the body comes
    phase_ = Phase::header;
    arm_deadline(context_->settings.header_timeout);
  }
  if (phase_ == Phase::header) read_header();
  if (phase_ == Phase::body) read_body();
  if (phase_ == Phase::lingering) drop_input();
  if (eof_ && phase_ != Phase::replying) close();
}

void Connection::read_header() {
  while (buffer_.size() > 0 && !parser_->is_header_done()) {
    Error error;
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (error == http::error::need_more) return;
    if (error) return on_bad_input(error);
  }
  if (parser_->is_header_done()) on_header();
}

void Connection::on_header() {
  const Request& request = parser_->get();
  const HttpSettings& settings = context_->settings;
  http11_ = request.version() >= 11;
  keep_alive_ = request.keep_alive();
  head_only_ = request.method() == http::verb::head;
  const auto length = parser_->content_length();
  if (length && *length > settings.max_body_bytes)
    return refuse(413, "the body has " + std::to_string(*length) + " bytes; at most " +
                           std::to_string(settings.max_body_bytes) + " are allowed (http.max_body_mb)");
  const auto encoding = request[http::field::content_encoding];
  if (!encoding.empty() && !boost::beast::iequals(encoding, "identity"))
    return refuse(415, "Content-Encoding is not supported: send the body uncompressed");
  const auto expected = request[http::field::expect];
  if (!expected.empty() && !boost::beast::iequals(expected, "100-continue"))
    return refuse(417, "only 'Expect: 100-continue' is supported");
  if (length && !reserve(static_cast<std::size_t>(*length))) return;
  if (!expected.empty() && !parser_->is_done() && buffer_.size() == 0) send("HTTP/1.1 100 Continue\r\n\r\n", false);
  parser_->body_limit(settings.max_body_bytes);
  parser_->eager(true);
  phase_ = Phase::body;
  arm_deadline(settings.body_timeout);
}

void Connection::read_body() {
  while (buffer_.size() > 0 && !parser_->is_done()) {
    Error error;
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (error && error != http::error::need_more) return on_bad_input(error);
    if (const std::size_t size = parser_->get().body().size(); size > reserved_ && !reserve(size - reserved_)) return;
    if (error && buffer_.size() > context_->settings.max_header_bytes)
      return refuse(431, "the head of a chunk has more than " + std::to_string(context_->settings.max_header_bytes) +
                             " bytes (http.max_header_kb)");
    if (error) return;
  }
  if (parser_->is_done()) dispatch();
}

bool Connection::reserve(std::size_t bytes) {
  std::atomic<std::int64_t>& reading = context_->meter.bytes_reading;
  const auto limit = static_cast<std::int64_t>(context_->settings.max_reading_bytes);
  if ((reading += static_cast<std::int64_t>(bytes)) <= limit) {
    reserved_ += bytes;
    return true;
  }
  reading -= static_cast<std::int64_t>(bytes);
  refuse(503, "too many bytes of request bodies are being received at once (http.max_reading_mb = " +
                  std::to_string(limit >> 20) + "); try again");
  return false;
}

void Connection::on_bad_input(Error error) {
  if (error == http::error::body_limit)
    refuse(413,
           "the body has more than " + std::to_string(context_->settings.max_body_bytes) + " bytes (http.max_body_mb)");
  else if (error == http::error::header_limit)
    refuse(431, "the header has more than " + std::to_string(context_->settings.max_header_bytes) +
                    " bytes (http.max_header_kb)");
  else
    refuse(400, "this is not valid HTTP: " + error.message());
}

void Connection::drop_input() {
  dropped_ += buffer_.size();
  buffer_.consume(buffer_.size());
  if (dropped_ > kMaxDropped) close();
}

void Connection::arm_deadline(std::chrono::milliseconds limit) {
  deadline_.expires_after(limit);
  deadline_.async_wait([self = shared_from_this()](Error error) {
    if (error || self->deadline_.expiry() > std::chrono::steady_clock::now()) return;  // moved on meanwhile
    self->on_deadline();
  });
}

void Connection::on_deadline() {
  switch (phase_) {
    case Phase::header:
      return refuse(408, "the request's header did not arrive in time (http.header_timeout_s)");
    case Phase::body:
      return refuse(408, "the request's body did not arrive in time (http.body_timeout_s)");
    case Phase::replying:
      if (!writing_ && !exchange_)
        return reply(504, format_error(server_error(504, "the server did not find an answer in time")));
      return cut("a client took no byte of its reply for " + std::to_string(context_->settings.write_timeout.count()) +
                 " ms (http.write_timeout_s)");
    default:
      return close();
  }
}

}  // namespace clawrl
