#include <utility>

#include <boost/asio/buffer.hpp>

#include "frontend/connection.hpp"
#include "frontend/sse.hpp"

namespace clawrl {

namespace asio = boost::asio;

void Connection::stream(const std::string& events, bool last) {
  std::string bytes = http11_ ? http_chunk(events) : events;
  if (http11_ && last) bytes += kLastHttpChunk;
  send(bytes, last);
}

void Connection::send(const std::string& bytes, bool last) {
  outbox_ += bytes;
  last_queued_ = last_queued_ || last;
  if (!writing_) write_some();
}

void Connection::write_some() {
  if (sent_ == in_flight_.size()) {
    in_flight_.clear();
    in_flight_.swap(outbox_);
    sent_ = 0;
  }
  writing_ = true;
  if (phase_ == Phase::replying) arm_deadline(context_->settings.write_timeout);
  channel_->write_some(asio::buffer(in_flight_.data() + sent_, in_flight_.size() - sent_),
                       [self = shared_from_this()](Error error, std::size_t bytes) { self->on_written(error, bytes); });
}

void Connection::on_written(Error error, std::size_t bytes) {
  writing_ = false;
  if (phase_ == Phase::closed) return;
  if (error) return close();
  sent_ += bytes;
  context_->meter.bytes_sent += static_cast<std::int64_t>(bytes);
  if (sent_ < in_flight_.size() || !outbox_.empty()) return write_some();
  if (phase_ == Phase::replying) disarm_deadline();
  if (last_queued_) return finish_reply();
  pump();
}

void Connection::release() {
  exchange_.reset();
  headers_.clear();
  tick_.cancel();
  place_.release();
  if (std::exchange(streaming_, false)) --context_->meter.streams;
  free_body();
}

void Connection::finish_reply() {
  last_queued_ = false;
  release();
  endpoint_ = Endpoint::none;
  head_only_ = false;
  if (keep_alive_ && !context_->draining) {
    phase_ = Phase::idle;
    arm_deadline(context_->settings.idle_timeout);
  } else {
    // Closing with unread input would make the kernel reset the connection and the client lose the reply.
    channel_->end_sending([self = shared_from_this()] {});
    phase_ = Phase::lingering;
    arm_deadline(context_->settings.linger_timeout);
  }
  advance();
  read_some();
}

void Connection::cut(const std::string& reason) {
  context_->log("reply cut: " + reason);
  ++context_->meter.replies_cut;
  close();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  release();
  disarm_deadline();
  channel_->close();
  context_->remove(shared_from_this());
}

}  // namespace clawrl
