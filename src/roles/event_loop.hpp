#pragma once
// The head's thread: tasks from any thread, run one after another, so that everything behind it needs no locks.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace clawrl {

class EventLoop {
 public:
  using Task = std::function<void()>;

  /// Thread-safe.
  void post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    arrived_.notify_one();
  }

  /// Runs all tasks that are there, or waits for one at most `limit`. For the loop's own thread.
  void run(std::chrono::microseconds limit) {
    std::deque<Task> due;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait_for(lock, limit, [&] { return !tasks_.empty(); });
      due.swap(tasks_);
    }
    for (Task& task : due) task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Task> tasks_;
};

}  // namespace clawrl
