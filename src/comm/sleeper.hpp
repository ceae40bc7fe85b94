#pragma once
// A sleep that another thread can end. wake() is remembered when nobody sleeps.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace clawrl {

class Sleeper {
 public:
  void sleep_for(std::chrono::microseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return woken_; });
    woken_ = false;
  }
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      if (woken_) return;
      woken_ = true;
    }
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

}  // namespace clawrl
