#pragma once
// A policy by the clock: its tokens are the times at which they were made.

#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "frontend/chat_service.hpp"

namespace clawrl::bench {

std::int64_t now_ns();  // steady, the same for all processes of a machine

/// The last message of a request: "<tokens> <milliseconds between two>". 0 ms = all at once, inside start().
class ClockPolicy : public ChatService {
 public:
  ClockPolicy() : thread_([this] { run(); }) {}
  ~ClockPolicy() override;

  std::uint64_t start(ChatRequest request, std::shared_ptr<ChatSink> sink) override;
  void cancel(std::uint64_t ticket) override;
  std::vector<ModelCard> models() override { return {{"m", 1000, 0}}; }
  std::string health() override { return {}; }
  std::string status_json() override { return "{}"; }

  std::int64_t active() const;
  std::int64_t tokens() const { return tokens_; }
  double thread_s() const { return thread_s_; }  // CPU time of the feeding thread

 private:
  struct Reply {
    std::shared_ptr<ChatSink> sink;
    int left = 0;
    std::int64_t every_ns = 0, due_ns = 0;
  };
  void run();
  bool feed(Reply& reply);  // false = ended

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Reply> replies_;
  std::uint64_t started_ = 0;
  std::atomic<std::int64_t> tokens_{0};
  std::atomic<double> thread_s_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace clawrl::bench
