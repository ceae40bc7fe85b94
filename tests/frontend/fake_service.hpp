#pragma once
// A ChatService without a model: the last message says what happens. One thread feeds all open replies, as an engine
// does.
//   "count N"   N tokens "t0 t1 ...", then stop          "wait"       nothing until release() or cancel
//   "flood"     large texts until cancelled              "fail late"  one token, then an error
//   "fail"      an error inside start()                  "throw"      start() throws UserError
//   "call"      thoughts, text and two calls, the first one's arguments in two deltas
//   "fail soon" an error before any token, from another thread

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/error.hpp"
#include "frontend/chat_service.hpp"

namespace clawrl::test {

class FakeService : public ChatService {
 public:
  FakeService() : thread_([this] { run(); }) {}
  ~FakeService() override {
    stopping_ = true;
    thread_.join();
  }

  std::uint64_t start(ChatRequest request, std::shared_ptr<ChatSink> sink) override {
    const std::string text = request.messages.back().text;
    if (text == "throw") throw UserError("thrown on purpose");
    const std::lock_guard lock(mutex_);
    const std::uint64_t ticket = ++started_;
    last_ = request;
    if (request.model != "demo")
      sink->on_error({404, "invalid_request_error", "model_not_found", "model", "no model " + request.model});
    else if (text == "fail")
      sink->on_error({429, "rate_limit_error", "", "", "queue full"});
    else
      active_[ticket] = {std::move(sink), text, 0};
    changed_.notify_all();
    return ticket;
  }

  void cancel(std::uint64_t ticket) override {
    const std::lock_guard lock(mutex_);
    cancelled_.insert(ticket);
    active_.erase(ticket);
    changed_.notify_all();
  }

  std::vector<ModelCard> models() override { return {{"demo", 32768, 1700000000}}; }
  std::string health() override { return problem; }
  std::string status_json() override { return R"({"version":3,"queue":0})"; }

  // What a test asks.
  bool wait_started(std::uint64_t count) {
    return wait([&] { return started_ >= count; });
  }
  bool wait_cancelled(std::size_t count) {
    return wait([&] { return cancelled_.size() >= count; });
  }
  std::size_t cancelled() {
    const std::lock_guard lock(mutex_);
    return cancelled_.size();
  }
  std::size_t active() {
    const std::lock_guard lock(mutex_);
    return active_.size();
  }
  ChatRequest last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  std::shared_ptr<ChatSink> any_sink() {
    const std::lock_guard lock(mutex_);
    return active_.empty() ? nullptr : active_.begin()->second.sink;
  }
  void release() {  // those that wait get one word and end
    const std::lock_guard lock(mutex_);
    for (auto& [ticket, reply] : active_)
      if (reply.script == "wait") reply.script = "count 1";
  }

  std::string problem;

 private:
  struct Reply {
    std::shared_ptr<ChatSink> sink;
    std::string script;
    int made = 0;
  };

  template <class Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), predicate);
  }

  /// One more token for `reply`; false when it has ended.
  static bool step(Reply& reply) {
    if (reply.script == "wait") return true;
    if (reply.script == "flood") {
      reply.sink->on_text(std::string(20000, 'x'));
      return true;
    }
    if (reply.script == "fail soon" || (reply.script == "fail late" && reply.made == 1)) {
      reply.sink->on_error({500, "server_error", "", "", "rank 3 is gone"});
      return false;
    }
    if (reply.script == "call") return call_step(reply);
    const int wanted = reply.script.starts_with("count ") ? std::stoi(reply.script.substr(6)) : 3;
    if (reply.made == wanted) {
      reply.sink->on_finish("stop", {7, wanted, 5});
      return false;
    }
    reply.sink->on_text((reply.made > 0 ? " t" : "t") + std::to_string(reply.made));
    ++reply.made;
    return true;
  }

  static bool call_step(Reply& reply) {
    switch (reply.made++) {
      case 0:
        reply.sink->on_reasoning("hm");
        break;
      case 1:
        reply.sink->on_text("I look.");
        break;
      case 2:
        reply.sink->on_tool_call({0, "abcdefgh1", "f", ""});
        break;
      case 3:
        reply.sink->on_tool_call({0, "", "", "{\"x\":"});
        break;
      case 4:
        reply.sink->on_tool_call({0, "", "", "1}"});
        break;
      case 5:
        reply.sink->on_tool_call({1, "abcdefgh2", "g", "{}"});
        break;
      default:
        reply.sink->on_finish("tool_calls", {7, 6, 0});
        return false;
    }
    return true;
  }

  void run() {
    while (!stopping_) {
      {
        const std::lock_guard lock(mutex_);
        for (auto it = active_.begin(); it != active_.end();) it = step(it->second) ? std::next(it) : active_.erase(it);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Reply> active_;
  std::set<std::uint64_t> cancelled_;
  std::uint64_t started_ = 0;
  ChatRequest last_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// The text of "count N".
inline std::string counted(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i > 0 ? " t" : "t") + std::to_string(i);
  return text;
}

}  // namespace clawrl::test
