#include "frontend/reply_queue.hpp"

namespace clawrl {

void ReplyQueue::notify() {
  if (!woken_ && wake_) wake_();
  woken_ = true;
}

void ReplyQueue::on_text(std::string_view delta) {
  const std::lock_guard lock(mutex_);
  if (ended_ || delta.empty()) return;
  bytes_ += delta.size() + sizeof(std::string);
  if (bytes_ > max_bytes_) {
    batch_.overflow = ended_ = true;
    batch_.texts.clear();
    woken_ = false;  // the sender may have put an earlier call off until its bytes are out
  } else {
    batch_.texts.emplace_back(delta);
  }
  notify();
}

void ReplyQueue::on_finish(const std::string& finish_reason, const ChatUsage& usage) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = true;
  batch_.finish.emplace(finish_reason, usage);
  notify();
}

void ReplyQueue::on_error(const ChatError& error) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = true;
  batch_.error = error;
  notify();
}

bool ReplyQueue::overflowed() const {
  const std::lock_guard lock(mutex_);
  return batch_.overflow;
}

ReplyQueue::Batch ReplyQueue::take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  bytes_ = 0;
  return std::exchange(batch_, Batch{});
}

void ReplyQueue::close() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  wake_ = nullptr;
  batch_ = Batch{};
}

}  // namespace clawrl
