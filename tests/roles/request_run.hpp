#pragma once
// What the tests of the request desk share: the desk with its journal, a client that remembers, tokens on demand.

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "roles/desk_support.hpp"
#include "roles/messages.hpp"
#include "roles/request_desk.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

using namespace std::chrono_literals;

/// Remembers what a client would have got.
struct Sink : ChatSink {
  std::shared_ptr<ChatSink> choice(int index) override {
    auto& own = choices[index];
    if (!own) own = std::make_shared<Sink>();
    return own;
  }
  void on_accepted(const Acceptance& acceptance) override { accepted = acceptance; }
  void on_logprobs(std::span<const TokenLogprob> tokens) override {
    logprobs.insert(logprobs.end(), tokens.begin(), tokens.end());
  }
  void on_text(std::string_view delta) override {
    const std::lock_guard lock(mutex);
    text += delta;
  }
  void on_reasoning(std::string_view delta) override {
    const std::lock_guard lock(mutex);
    reasoning += delta;
  }
  void on_tool_call(const ToolCallDelta& delta) override {
    const std::lock_guard lock(mutex);
    calls.resize(std::max(calls.size(), static_cast<std::size_t>(delta.index) + 1));
    ToolCall& call = calls[static_cast<std::size_t>(delta.index)];
    call.id += delta.id;
    call.name += delta.name;
    call.arguments += delta.arguments;
  }
  void on_finish(const std::string& finish_reason, const ChatUsage& used) override {
    const std::lock_guard lock(mutex);
    reason = finish_reason;
    usage = used;
    ++ends;
  }
  void on_error(const ChatError& failure) override {
    const std::lock_guard lock(mutex);
    error = failure;
    ++ends;
  }
  std::mutex mutex;
  std::string text, reasoning, reason;
  std::vector<ToolCall> calls;
  ChatUsage usage;
  ChatError error{0, "", "", "", ""};
  int ends = 0;
  std::optional<Acceptance> accepted;
  std::vector<TokenLogprob> logprobs;
  std::map<int, std::shared_ptr<Sink>> choices;
};

struct LiveRequests {
  Folder folder;
  Journal journal{folder.file("journal.sqlite"), AfterFailure::drops};  // as the head has it
  RecordingMailbox mailbox;
  SessionStore sessions;
  ServiceMeter meter;
  Tokenizer tokenizer = Tokenizer::load(CLAWRL_SOURCE_DIR "/configs/models/policy/tokenizer.json");
  ChatTemplate chat_template = ChatTemplate::load(CLAWRL_SOURCE_DIR "/configs/models/policy");
  std::vector<LinkedTurn> linked;
  std::vector<Turn> answered;
  std::vector<EndedTurn> ended;
  std::vector<std::string> warnings;
  RequestDesk desk;
  explicit LiveRequests(const RequestDeskSettings& settings = standard())
      : desk(mailbox, journal, sessions, meter, tokenizer, chat_template, settings,
             {[this](LinkedTurn one) { linked.push_back(std::move(one)); },
              [this](const Turn& turn) { answered.push_back(turn); }, [this](EndedTurn one) { ended.push_back(one); },
              [](std::int64_t) {}, [] { return false; },
              [this](const std::string& line) { warnings.push_back(line); }}) {}
  static RequestDeskSettings standard() {
    RequestDeskSettings s;
    s.model = "demo";
    s.rollout_ranks = {4, 5};
    s.stop_tokens = {1};
    s.record_top_k = 4;
    return s;
  }
  static ChatRequest request(const std::string& text = "How many apples?", const std::string& session = "") {
    ChatRequest r;
    r.model = "demo";
    r.messages = {{"user", text, "", {}, ""}};
    r.session = session;
    return r;
  }
  std::shared_ptr<Sink> start(std::uint64_t ticket, const ChatRequest& request) {
    auto sink = std::make_shared<Sink>();
    desk.start(ticket, request, sink);
    return sink;
  }
  void tokens(std::uint64_t ticket, const std::string& text, FinishReason finish = FinishReason::none) {
    CompletionDelta delta;
    delta.id = {ticket};
    delta.part.ids = tokenizer.encode(text, SpecialText::as_text);
    delta.part.logprobs.assign(delta.part.ids.size(), -0.5F);
    delta.part.logprobs_t1 = delta.part.logprobs;
    delta.part.versions.assign(delta.part.ids.size(), 3);
    delta.part.finish = finish;
    desk.take({delta});
  }
  void settle() { REQUIRE(journal.sync(20s)); }
  /// on_finish() comes from the journal's thread once the turn is durable.
  void wait(Sink& sink) {
    for (int i = 0; i < 20000; ++i) {
      const std::lock_guard lock(sink.mutex);
      if (sink.ends > 0) return;
      std::this_thread::sleep_for(1ms);
    }
    FAIL("no end came");
  }
};

}  // namespace clawrl::test
