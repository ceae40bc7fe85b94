#pragma once
// How to wait for something that must be polled: eagerly for a moment, then politely, then asleep.

#include <algorithm>
#include <chrono>
#include <thread>

namespace clawrl {

class Backoff {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Backoff(std::chrono::microseconds longest) : longest_(longest) {}

  void pause() {
    const auto waited = elapsed();
    if (waited < std::chrono::microseconds(20)) return;
    if (waited < std::chrono::microseconds(200)) return std::this_thread::yield();
    std::this_thread::sleep_for(next_);
    next_ = std::min(2 * next_, longest_);
  }
  Clock::duration elapsed() const { return Clock::now() - start_; }

 private:
  Clock::time_point start_ = Clock::now();
  std::chrono::microseconds next_{20};
  std::chrono::microseconds longest_;
};

}  // namespace clawrl
