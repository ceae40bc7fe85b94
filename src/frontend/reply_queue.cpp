#include "frontend/reply_queue.hpp"

namespace clawrl {

void ReplyQueue::notify() {
  if (!woken_ && wake_) wake_();
  woken_ = true;
}

void ReplyQueue::on_text(std::string_view delta) {
  if (!delta.empty()) add({ReplyDelta::Kind::text, std::string(delta), {}});
}

void ReplyQueue::on_reasoning(std::string_view delta) {
  if (!delta.empty()) add({ReplyDelta::Kind::reasoning, std::string(delta), {}});
}

void ReplyQueue::on_tool_call(const ToolCallDelta& delta) {
  add({ReplyDelta::Kind::call, "", delta});
}

void ReplyQueue::add(ReplyDelta delta) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  bytes_ += delta.text.size() + delta.call.name.size() + delta.call.arguments.size() + sizeof(ReplyDelta);
  if (bytes_ > max_bytes_) {
    batch_.overflow = ended_ = true;
    batch_.deltas.clear();
    woken_ = false;  // the sender may have put an earlier call off until its bytes are out
  } else {
    batch_.deltas.push_back(std::move(delta));
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
