#pragma once
// Messages that wait for the thread that drives MPI, and the bytes that all unfinished sends occupy.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>

#include "comm/outgoing.hpp"

namespace clawrl {

class Outbox {
 public:
  explicit Outbox(const MailboxSettings& settings) : limit_(settings.outbox_bytes), send_limit_(settings.send_limit) {}

  /// Waits for room at most `send_limit` (UserError then), or not at all when `may_wait` is false.
  void push(std::list<Outgoing> message, bool may_wait);

  // -- for the thread that drives MPI
  bool pending() const { return pending_.load(); }
  std::list<Outgoing> take();
  void complete(std::size_t bytes, bool dropped);

  bool wait_empty(std::chrono::milliseconds limit);
  void fail(std::exception_ptr error);  // rethrown to everyone who waits or comes later
  bool empty() const;
  void report(MailboxStatistics& statistics) const;

 private:
  const std::size_t limit_;
  const std::chrono::seconds send_limit_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::list<Outgoing> posted_;
  std::atomic<bool> pending_{false};
  std::size_t bytes_ = 0;  // posted and not complete
  std::size_t peak_ = 0;
  std::uint64_t messages_ = 0, total_bytes_ = 0, dropped_ = 0;
  std::exception_ptr error_;
};

}  // namespace clawrl
