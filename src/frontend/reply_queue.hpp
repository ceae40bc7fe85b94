#pragma once
// Between the threads that make a reply and the I/O thread that sends it.

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/chat_service.hpp"

namespace clawrl {

/// One event of a reply.
struct ReplyDelta {
  enum class Kind : std::uint8_t { text, reasoning, call };
  Kind kind = Kind::text;
  std::string text;
  ToolCallDelta call;
};

/// Bounded in bytes: above the limit the reply is dropped and the batch says `overflow`. `wake` is called, from the
/// feeding thread, once per batch; it must not block nor call back.
class ReplyQueue : public ChatSink {
 public:
  struct Batch {
    std::vector<ReplyDelta> deltas;
    std::optional<std::pair<std::string, ChatUsage>> finish;
    std::optional<ChatError> error;
    bool overflow = false;
    bool empty() const { return deltas.empty() && !finish && !error && !overflow; }
  };

  ReplyQueue(std::size_t max_bytes, std::function<void()> wake) : max_bytes_(max_bytes), wake_(std::move(wake)) {}

  void on_text(std::string_view delta) override;
  void on_reasoning(std::string_view delta) override;
  void on_tool_call(const ToolCallDelta& delta) override;
  void on_finish(const std::string& finish_reason, const ChatUsage& usage) override;
  void on_error(const ChatError& error) override;

  bool overflowed() const;
  Batch take();  // all that came since the last call
  void close();  // nobody listens any more: frees what is queued; `wake` is not called after this returns

 private:
  void add(ReplyDelta delta);
  void notify();  // with mutex_ held

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::function<void()> wake_;
  Batch batch_;
  std::size_t bytes_ = 0;
  bool woken_ = false;
  bool ended_ = false;  // finish, error, overflow or close
};

}  // namespace clawrl
