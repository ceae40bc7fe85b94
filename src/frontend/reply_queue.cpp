#include "frontend/reply_queue.hpp"

namespace clawrl {

class ReplyQueue::Sink : public ChatSink {
 public:
  Sink(std::shared_ptr<ReplyQueue> queue, int index) : queue_(std::move(queue)), index_(index) {}

  std::shared_ptr<ChatSink> choice(int index) override { return queue_->sink(index_ + index); }
  void on_accepted(const Acceptance& acceptance) override { queue_->accept(acceptance); }
  void on_logprobs(std::span<const TokenLogprob> tokens) override { queue_->add_logprobs(index_, tokens); }
  void on_text(std::string_view delta) override {
    if (!delta.empty()) queue_->add({ReplyDelta::Kind::text, index_, std::string(delta), {}, {}});
  }
  void on_reasoning(std::string_view delta) override {
    if (!delta.empty()) queue_->add({ReplyDelta::Kind::reasoning, index_, std::string(delta), {}, {}});
  }
  void on_tool_call(const ToolCallDelta& delta) override {
    queue_->add({ReplyDelta::Kind::call, index_, "", delta, {}});
  }
  void on_finish(const std::string& reason, const ChatUsage& usage) override { queue_->finish(index_, reason, usage); }
  void on_error(const ChatError& error) override { queue_->fail(error); }

 private:
  std::shared_ptr<ReplyQueue> queue_;
  int index_;
};

std::shared_ptr<ChatSink> ReplyQueue::sink(int index) {
  return std::make_shared<Sink>(shared_from_this(), index);
}

void ReplyQueue::notify() {
  if (!woken_ && wake_) wake_();
  woken_ = true;
}

void ReplyQueue::accept(const Acceptance& acceptance) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  batch_.accepted = acceptance;
  notify();
}

void ReplyQueue::add(ReplyDelta delta) {
  const std::lock_guard lock(mutex_);
  if (ended_ || replies_.at(static_cast<std::size_t>(delta.choice)).ended) return;
  push(std::move(delta));
}

void ReplyQueue::push(ReplyDelta delta) {
  delta.logprobs = std::exchange(replies_.at(static_cast<std::size_t>(delta.choice)).logprobs, {});
  bytes_ += delta.text.size() + delta.call.name.size() + delta.call.arguments.size() + sizeof(ReplyDelta);
  for (const TokenLogprob& token : delta.logprobs) bytes_ += (1 + token.top.size()) * sizeof(TokenLogprob);
  if (bytes_ > max_bytes_) {
    batch_.overflow = ended_ = true;
    batch_.deltas.clear();
    woken_ = false;  // the sender may have put an earlier call off until its bytes are out
  } else {
    batch_.deltas.push_back(std::move(delta));
  }
  notify();
}

void ReplyQueue::add_logprobs(int choice, std::span<const TokenLogprob> tokens) {
  const std::lock_guard lock(mutex_);
  Reply& reply = replies_.at(static_cast<std::size_t>(choice));
  if (!ended_ && !reply.ended) reply.logprobs.insert(reply.logprobs.end(), tokens.begin(), tokens.end());
}

void ReplyQueue::finish(int choice, const std::string& reason, const ChatUsage& usage) {
  const std::lock_guard lock(mutex_);
  Reply& reply = replies_.at(static_cast<std::size_t>(choice));
  if (ended_ || reply.ended) return;
  if (choice % per_prompt_ == 0) {  // the replies to one prompt share it
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.cached_tokens += usage.cached_tokens;
  }
  usage_.completion_tokens += usage.completion_tokens;
  usage_.reasoning_tokens += usage.reasoning_tokens;
  push({ReplyDelta::Kind::finish, choice, reason, {}, {}});
  reply.ended = true;
  if (ended_ || --open_ > 0) return;
  ended_ = true;
  batch_.finish = usage_;
}

void ReplyQueue::fail(const ChatError& error) {
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
  for (Reply& reply : replies_) reply.logprobs.clear();
}

}  // namespace clawrl
