#include "comm/outbox.hpp"

#include <string>

#include "core/error.hpp"

namespace clawrl {

void Outbox::push(std::list<Outgoing> message, bool may_wait) {
  const Outgoing& item = message.front();
  const std::size_t cost = item.cost;
  std::unique_lock lock(mutex_);
  const auto fits = [&] { return error_ || bytes_ == 0 || bytes_ + cost <= limit_; };
  if (may_wait && !fits() && !room_.wait_for(lock, send_limit_, fits)) {
    throw UserError("outbox full for " + std::to_string(send_limit_.count()) + " s (" + std::to_string(bytes_) +
                    " of " + std::to_string(limit_) + " bytes): message type " + std::to_string(item.header.type) +
                    " to rank " + std::to_string(item.destination) + ", port " + name(item.header.port) +
                    " was not sent; is that rank stuck?");
  }
  if (error_) std::rethrow_exception(error_);
  bytes_ += cost;
  peak_ = std::max(peak_, bytes_);
  ++messages_;
  total_bytes_ += item.header.body_bytes + item.header.payload_bytes;
  posted_.splice(posted_.end(), message);
  pending_.store(true);
}

std::list<Outgoing> Outbox::take() {
  const std::lock_guard lock(mutex_);
  pending_.store(false);
  return std::exchange(posted_, {});
}

void Outbox::complete(std::size_t bytes, bool dropped) {
  {
    const std::lock_guard lock(mutex_);
    bytes_ -= bytes;
    dropped_ += dropped ? 1 : 0;
  }
  room_.notify_all();
}

bool Outbox::wait_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, limit, [&] { return error_ || bytes_ == 0; });
  if (error_) std::rethrow_exception(error_);
  return bytes_ == 0;
}

void Outbox::fail(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  room_.notify_all();
}

bool Outbox::empty() const {
  const std::lock_guard lock(mutex_);
  return bytes_ == 0;
}

void Outbox::report(MailboxStatistics& statistics) const {
  const std::lock_guard lock(mutex_);
  statistics.messages_sent += messages_;
  statistics.bytes_sent += total_bytes_;
  statistics.messages_dropped += dropped_;
  statistics.outbox_peak = peak_;
}

}  // namespace clawrl
