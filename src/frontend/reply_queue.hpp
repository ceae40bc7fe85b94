#pragma once
// Between the threads that make the replies to a request and the I/O thread that sends them.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/chat_service.hpp"

namespace clawrl {

/// One event of one reply.
struct ReplyDelta {
  enum class Kind : std::uint8_t { text, reasoning, call, finish };
  Kind kind = Kind::text;
  int choice = 0;
  std::string text;  // what is new; finish: the reason
  ToolCallDelta call;
  std::vector<TokenLogprob> logprobs;  // of the tokens since the event before
};

/// Takes `replies` replies, `per_prompt` of them to each prompt. Bounded in bytes: above the limit all is dropped and
/// the batch says `overflow`. `wake` is called, from the feeding thread, once per batch; it must not block nor call
/// back. The first error ends all replies.
class ReplyQueue : public std::enable_shared_from_this<ReplyQueue> {
 public:
  struct Batch {
    std::optional<Acceptance> accepted;
    std::vector<ReplyDelta> deltas;
    std::optional<ChatUsage> finish;  // all replies have ended: what they used in all
    std::optional<ChatError> error;
    bool overflow = false;
    bool empty() const { return !accepted && deltas.empty() && !finish && !error && !overflow; }
  };

  ReplyQueue(std::size_t max_bytes, std::function<void()> wake, int replies = 1, int per_prompt = 1)
      : max_bytes_(max_bytes),
        per_prompt_(per_prompt),
        wake_(std::move(wake)),
        open_(static_cast<std::size_t>(replies)),
        replies_(static_cast<std::size_t>(replies)) {}

  /// What the service feeds; its choice(i) is the sink of reply index + i. It keeps the queue alive.
  std::shared_ptr<ChatSink> sink(int index = 0);

  bool overflowed() const;
  Batch take();  // all that came since the last call
  void close();  // nobody listens any more: frees what is queued; `wake` is not called after this returns

 private:
  class Sink;
  struct Reply {
    std::vector<TokenLogprob> logprobs;  // not on a delta yet
    bool ended = false;
  };
  void accept(const Acceptance& acceptance);
  void add(ReplyDelta delta);
  void add_logprobs(int choice, std::span<const TokenLogprob> tokens);
  void finish(int choice, const std::string& reason, const ChatUsage& usage);
  void fail(const ChatError& error);
  void push(ReplyDelta delta);  // these two with mutex_ held
  void notify();

  const std::size_t max_bytes_;
  const int per_prompt_;
  mutable std::mutex mutex_;
  std::function<void()> wake_;
  Batch batch_;
  ChatUsage usage_;
  std::size_t open_;  // replies without an end
  std::vector<Reply> replies_;
  std::size_t bytes_ = 0;
  bool woken_ = false;
  bool ended_ = false;  // finish, error, overflow or close
};

}  // namespace clawrl
