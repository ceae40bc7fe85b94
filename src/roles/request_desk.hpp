#pragma once
// Live requests: from the client's chat request to tokens, and from tokens to the client's text and a journaled turn.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "comm/mailbox.hpp"
#include "config/run_config.hpp"
#include "frontend/chat_service.hpp"
#include "journal/journal.hpp"
#include "privacy/learning_rules.hpp"
#include "privacy/redactor.hpp"
#include "prompt/chat_template.hpp"
#include "roles/event_loop.hpp"
#include "roles/reply_stream.hpp"
#include "roles/service_meter.hpp"
#include "roles/shown_logprobs.hpp"
#include "rollout/generation_rule.hpp"
#include "session/session_store.hpp"

namespace clawrl {

namespace messages {
struct PromptScored;
}

struct RequestDeskSettings {
  std::string model;                    // the name that clients ask for
  std::int32_t context = 32768;         // tokens of prompt and response
  std::int64_t vocabulary = INT32_MAX;  // of the policy model
  std::int32_t max_queue = 1024;
  bool refuse_unrecorded = false;  // what would be recorded, once the journal has failed
  RolloutConfig rollout;           // defaults of temperature and max_tokens
  std::vector<TokenId> stop_tokens;
  ReplyFormat reply_format;       // how the policy writes thoughts and calls
  std::int32_t record_top_k = 0;  // for main turns
  std::uint64_t seed = 1;
  std::vector<int> rollout_ranks;
  std::shared_ptr<const Redactor> redactor;  // nullptr = nothing is redacted
  Learning learning = Learning::learn;       // the loosest that any request may have
  /// Policy version that answers a turn; empty = the newest when it begins.
  std::function<std::int64_t(const Turn&)> version = {};
};

/// Head thread only. A turn is in the journal before its last byte leaves. The prompt is made of the messages as they
/// came; what is kept, linked and shown to judges is redacted. Learning::off keeps nothing once the reply is sent.
class RequestDesk {
 public:
  struct Events {
    std::function<void(LinkedTurn)> linked;             // a turn's next state has become known
    std::function<void(const Turn&)> answered;          // a main turn was answered and may be judged later
    std::function<void(EndedTurn)> ended;               // its session is over: no next state will come
    std::function<void(std::int64_t version)> token;    // some token was computed by this version
    std::function<bool()> committing;                   // is a weight commit under way?
    std::function<void(const std::string&)> warn = {};  // one line for the operator, without a word of a conversation
  };

  RequestDesk(Mailbox& mailbox, Journal& journal, SessionStore& sessions, ServiceMeter& meter, Tokenizer tokenizer,
              ChatTemplate chat_template, RequestDeskSettings settings, Events events);

  void start(std::uint64_t ticket, ChatRequest request, std::shared_ptr<ChatSink> sink);
  void cancel(std::uint64_t ticket);
  void take(const std::vector<CompletionDelta>& deltas);
  void take(const messages::PromptScored& scored);
  Outcome<std::vector<TokenId>> tokenize(const TokenizeRequest& request) const;
  Outcome<std::string> detokenize(const std::vector<TokenId>& ids) const;
  std::size_t active() const { return active_.size(); }
  int active_on(int rank) const;
  /// A turn that is being generated; nullptr when none is as `wanted` says.
  const Turn* generating(const std::function<bool(const Turn&)>& wanted) const;
  /// Requests that are being answered and fit go on, and nothing of them is stored.
  void forget(const std::function<bool(const Turn&)>& wanted);
  /// Fails whatever still runs (shutdown after the drain).
  void fail_all(const std::string& why);

 private:
  struct Active {
    Turn turn;
    std::shared_ptr<ChatSink> sink;
    ReplyStream reply;
    int rank = 0;
    bool session_done = false;
    bool unsampled = false;  // no token is wanted
    bool redacted = false;   // something of it was, so that its ids are not kept
    LogprobsWanted logprobs = {};
    std::uint64_t ticket = 0;
    std::int32_t choice = 0;                 // of the replies to the request
    std::string echo = {};                   // what the reply begins with once its log-probs are there
    std::vector<GenerateRequest> held = {};  // its other replies, which wait for the prompt to be in the cache
    double started_s = 0, last_token_s = 0;
  };
  bool refuse(const ChatRequest& request, ChatSink& sink);
  bool refuse_echo(const ChatRequest& request, std::size_t prompt_tokens, ChatSink& sink);
  bool refuse_constraint(const ChatRequest& request, ChatSink& sink);
  void refuse_as_invalid(ChatSink& sink, const ChatError& error);
  ChatError too_long(const ChatRequest& request, std::size_t prompt_tokens = 0) const;  // 0 = too many to count
  void warn_of_short_replies(const ChatRequest& request);
  void hide_identifiers(ChatRequest& request) const;
  Turn turn_of(const ChatRequest& request);
  Learning learning_of(const ChatRequest& request, const Turn& turn);
  bool redact_request(Turn& turn) const;  // true: something was
  /// Which conversation it belongs to; links the turns that it answers.
  void place(const ChatRequest& request, Turn& turn);
  /// nullopt = far more than the context holds.
  std::optional<std::vector<TokenId>> prompt_of(const ChatRequest& request, const Turn& turn) const;
  ReplyParserSettings parser_settings(const ChatRequest& request, const Turn& turn) const;
  GenerateRequest generate_request(const ChatRequest& request, const Turn& turn, std::uint64_t ticket) const;
  int route(const std::string& session);
  void record_for_client(GenerateRequest& generate, std::int32_t top) const;
  void begin(const ChatRequest& request, Turn turn, GenerateRequest generate, ReplyParserSettings parser,
             std::shared_ptr<ChatSink> sink, bool redacted);
  void release_others(Active& active);
  std::vector<std::uint64_t> replies_to(std::uint64_t ticket) const;  // the ids of those that run
  void end_unsampled(std::uint64_t ticket);                           // only the prompt was wanted
  bool last_of_request(const Active& active) const;
  void cancel_one(std::uint64_t id);
  void take(Active& active, const CompletionDelta& delta);
  void measure(Active& active, const CompletionDelta& delta);
  void show(Active& active, const std::vector<ReplyEvent>& events);
  void keep_reply(Active& active);  // in its turn
  static void exclude_private(Active& active);
  /// Into the journal, where it may go there; `durable` is called in any case.
  void record(Active& active, Journal::Durable durable = {});
  void finish(std::uint64_t id, FinishReason reason);
  void note_answer(const Active& active);
  void fail(std::uint64_t id, const std::string& error);
  void drop(std::uint64_t id);

  Mailbox& mailbox_;
  Journal& journal_;
  SessionStore& sessions_;
  ServiceMeter& meter_;
  Tokenizer tokenizer_;
  ChatTemplate template_;
  RequestDeskSettings settings_;
  GenerationRule rule_;
  LearningRules learning_;
  Events events_;
  std::unordered_map<std::uint64_t, Active> active_;  // by the id of their GenerateRequest
  std::unordered_map<int, int> load_;                 // rollout rank -> live requests
  double busy_since_s_ = 0;
  double warned_s_ = -1e9;
};

}  // namespace clawrl
