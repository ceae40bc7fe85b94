#pragma once
// The port queues: filled by the thread that drives MPI (and by senders to the own rank), emptied by consumers.

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>

#include "comm/mailbox.hpp"

namespace clawrl {

class Inbox {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Inbox(std::size_t limit) : limit_(limit) {}

  // -- filling. Bytes are reserved before they are received and freed when a consumer takes the message.
  bool full() const { return bytes_.load() > limit_; }
  void reserve(std::size_t bytes);
  void release(std::size_t bytes) { bytes_.fetch_sub(bytes); }
  void deliver(Envelope envelope);
  void lift_limit() { limit_ = SIZE_MAX; }  // while closing: nothing may be left inside MPI
  void fail(std::exception_ptr error);

  // -- emptying. Rethrows what fail() got once the port's queue is empty.
  bool ready(Port port) const { return at(port).waiting.load() > 0 || failed_.load(); }
  std::optional<Envelope> take(Port port);
  std::optional<Envelope> wait(Port port, Clock::time_point deadline);

  // -- ports with a handler
  void handle(Port port, std::function<void(Envelope)> handler);
  bool handler_waits() const { return for_handlers_.load() > 0; }
  bool run_handlers();  // progress thread only; true when there was a message
  void report(MailboxStatistics& statistics) const;

 private:
  struct Queue {
    std::deque<Envelope> messages;
    std::atomic<int> waiting{0};  // messages.size(), readable without the lock
    std::condition_variable arrived;
    std::function<void(Envelope)> handler;
  };
  Queue& at(Port port) { return queues_[static_cast<std::size_t>(port)]; }
  const Queue& at(Port port) const { return queues_[static_cast<std::size_t>(port)]; }
  std::optional<Envelope> pop(Queue& queue);  // mutex_ held

  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<int> for_handlers_{0};
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::array<Queue, static_cast<std::size_t>(Port::count)> queues_;
  std::exception_ptr error_;
  std::size_t peak_ = 0;
  std::uint64_t messages_ = 0, total_bytes_ = 0;
};

inline std::size_t bytes_of(const Envelope& envelope) {
  return envelope.body.size() + envelope.payload.size();
}

}  // namespace clawrl
