#include "comm/inbox.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace clawrl {

void Inbox::reserve(std::size_t bytes) {
  const std::size_t now = bytes_.fetch_add(bytes) + bytes;
  const std::lock_guard lock(mutex_);
  peak_ = std::max(peak_, now);
}

void Inbox::deliver(Envelope envelope) {
  Queue& queue = at(envelope.port);
  {
    const std::lock_guard lock(mutex_);
    ++messages_;
    total_bytes_ += bytes_of(envelope);
    queue.messages.push_back(std::move(envelope));
    queue.waiting.fetch_add(1);
    if (queue.handler) for_handlers_.fetch_add(1);
  }
  queue.arrived.notify_one();
}

void Inbox::fail(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    failed_.store(true);
  }
  for (Queue& queue : queues_) queue.arrived.notify_all();
}

std::optional<Envelope> Inbox::pop(Queue& queue) {
  if (queue.messages.empty()) {
    if (error_) std::rethrow_exception(error_);
    return std::nullopt;
  }
  std::optional<Envelope> envelope(std::move(queue.messages.front()));
  queue.messages.pop_front();
  queue.waiting.fetch_sub(1);
  release(bytes_of(*envelope));
  return envelope;
}

std::optional<Envelope> Inbox::take(Port port) {
  if (!ready(port)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return pop(at(port));
}

std::optional<Envelope> Inbox::wait(Port port, Clock::time_point deadline) {
  Queue& queue = at(port);
  std::unique_lock lock(mutex_);
  queue.arrived.wait_until(lock, deadline, [&] { return !queue.messages.empty() || error_; });
  return pop(queue);
}

void Inbox::handle(Port port, std::function<void(Envelope)> handler) {
  Queue& queue = at(port);
  const std::lock_guard lock(mutex_);
  expect(handler && !queue.handler, std::string("port ") + name(port) + " gets one handler, once");
  queue.handler = std::move(handler);
  for_handlers_.fetch_add(static_cast<int>(queue.messages.size()));
}

bool Inbox::run_handlers() {
  bool worked = false;
  for (Queue& queue : queues_) {
    while (for_handlers_.load() > 0) {
      std::unique_lock lock(mutex_);
      if (!queue.handler || queue.messages.empty()) break;
      std::optional<Envelope> envelope = pop(queue);
      for_handlers_.fetch_sub(1);
      lock.unlock();  // handlers are never replaced, so this one may be called unlocked
      queue.handler(std::move(*envelope));
      worked = true;
    }
  }
  return worked;
}

void Inbox::report(MailboxStatistics& statistics) const {
  const std::lock_guard lock(mutex_);
  statistics.messages_received = messages_;
  statistics.bytes_received = total_bytes_;
  statistics.inbox_peak = peak_;
}

}  // namespace clawrl
