#include "policy.hpp"

#include <chrono>
#include <ctime>
#include <sstream>

namespace clawrl::bench {

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

ClockPolicy::~ClockPolicy() {
  stopping_ = true;
  thread_.join();
}

std::int64_t ClockPolicy::active() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(replies_.size());
}

bool ClockPolicy::feed(Reply& reply) {
  if (reply.left-- == 0) {
    reply.sink->on_finish("stop", {1, 1, 0});
    return false;
  }
  ++tokens_;
  reply.sink->on_text("t" + std::to_string(now_ns()));
  return true;
}

std::uint64_t ClockPolicy::start(ChatRequest request, std::shared_ptr<ChatSink> sink) {
  Reply reply{std::move(sink), 0, 0, 0};
  double milliseconds = 0;
  std::istringstream(request.messages.back().text) >> reply.left >> milliseconds;
  reply.every_ns = static_cast<std::int64_t>(1e6 * milliseconds);
  if (reply.every_ns == 0) {
    while (feed(reply)) continue;
    return 1;
  }
  const std::lock_guard lock(mutex_);
  const std::uint64_t ticket = ++started_ + 1;
  reply.due_ns = now_ns() + reply.every_ns;
  replies_.emplace(ticket, std::move(reply));
  return ticket;
}

void ClockPolicy::cancel(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  replies_.erase(ticket);
}

void ClockPolicy::run() {
  while (!stopping_) {
    {
      const std::lock_guard lock(mutex_);
      const std::int64_t now = now_ns();
      for (auto it = replies_.begin(); it != replies_.end();) {
        bool open = true;
        if (it->second.due_ns <= now) {
          it->second.due_ns += it->second.every_ns;
          open = feed(it->second);
        }
        it = open ? std::next(it) : replies_.erase(it);
      }
    }
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    thread_s_ = static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

}  // namespace clawrl::bench
