#pragma once
// A ChatService without a model: the last message says what happens. One thread feeds all open replies, as an engine
// does.
//   "count N"   N tokens "t0 t1 ...", then stop          "wait"       nothing until release() or cancel
//   "flood"     large texts until cancelled              "fail late"  one token, then an error
//   "fail"      an error inside start()                  "throw"      start() throws UserError
//   "call"      thoughts, text and two calls, the first one's arguments in two deltas
//   "fail soon" an error before any token, from another thread
//   "fail second" the second reply fails after a token, the others go on
//   "logprobs"  three tokens with log-probs and one alternative each
// Of n replies, reply i counts i tokens more. Plain prompts are scripts too.

#include <atomic>
#include <condition_variable>
#include <limits>
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
    const std::string text = request.plain ? plain_text(*request.plain) : request.messages.back().text;
    if (text == "throw") throw UserError("thrown on purpose");
    const std::lock_guard lock(mutex_);
    const std::uint64_t ticket = ++started_;
    last_ = request;
    if (request.model != "demo")
      sink->on_error({404, "invalid_request_error", "model_not_found", "model", "no model " + request.model});
    else if (text == "fail")
      sink->on_error({429, "rate_limit_error", "", "", "queue full"});
    else
      begin(ticket, request, std::move(sink), text);
    changed_.notify_all();
    return ticket;
  }

  void cancel(std::uint64_t ticket) override {
    const std::lock_guard lock(mutex_);
    cancelled_.insert(ticket);
    active_.erase(active_.lower_bound({ticket, 0}), active_.lower_bound({ticket + 1, 0}));
    changed_.notify_all();
  }

  void tokenize(TokenizeRequest request, Answer<std::vector<TokenId>> answer) override {
    if (request.text == "refuse") return answer({{}, {400, "invalid_request_error", "", "prompt", "refused here"}});
    std::vector<TokenId> ids(request.add_special_tokens ? 1 : 0, 1);
    for (char c : request.chat ? request.chat->messages.back().text : request.text) ids.push_back(c);
    answer({ids, {}});
  }
  void detokenize(std::vector<TokenId> ids, Answer<std::string> answer) override {
    std::string text;
    for (TokenId id : ids) text += static_cast<char>(id);
    answer({text, {}});
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
    int index = 0;
    int made = 0;
  };

  static std::string plain_text(const PlainPrompt& prompt) {
    return prompt.ids.empty() ? prompt.text : "count " + std::to_string(prompt.ids.size());
  }

  void begin(std::uint64_t ticket, const ChatRequest& request, std::shared_ptr<ChatSink> sink,
             const std::string& script) {
    sink->on_accepted({request.session, request.learning});
    if (request.plain && request.plain->echo && request.logprobs) {
      const TokenLogprob tokens[] = {{script, std::numeric_limits<float>::quiet_NaN(), {}}, {"|", -1, {{"|", -1}}}};
      sink->on_logprobs(tokens);
    }
    if (request.plain && request.plain->echo) sink->on_text(script + "|");
    for (int i = 0; i < request.n; ++i) active_[{ticket, i}] = {request.n > 1 ? sink->choice(i) : sink, script, i, 0};
  }

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
    if (reply.script == "fail second" && reply.index == 1 && reply.made == 1) {
      reply.sink->on_error({500, "server_error", "", "", "the second is gone"});
      return false;
    }
    if (reply.script == "call") return call_step(reply);
    if (reply.script == "fail second" && reply.index != 1) return true;
    const int wanted = (reply.script.starts_with("count ") ? std::stoi(reply.script.substr(6)) : 3) + reply.index;
    if (reply.script == "logprobs" && reply.made < wanted) {
      const TokenLogprob token{"t" + std::to_string(reply.made), -0.5F, {{"t", -0.25F}}};
      reply.sink->on_logprobs({&token, 1});
    }
    if (reply.made == wanted) {
      reply.sink->on_finish("stop", {7, wanted, 5, 0});
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
  std::map<std::pair<std::uint64_t, int>, Reply> active_;
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
