#pragma once
// The seam between HTTP and the rest of the program: plain structs, no HTTP and no JSON types.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/generation.hpp"
#include "core/message.hpp"
#include "core/turn.hpp"
#include "frontend/user_data.hpp"

namespace clawrl {

/// What POST /v1/completions goes on with: a text, or tokens as they are.
struct PlainPrompt {
  std::string text;
  std::vector<TokenId> ids;  // not empty: these, and no text
  std::int32_t among = 1;    // prompts of the request
  bool echo = false;         // the reply begins with the prompt, and its log-probs with the prompt's
};

/// One chat completion as a client asked for it. Types and ranges are checked; the model name is not.
/// Example: {model "demo", messages [{user, "hi"}], sampling {1, 1, 0, 0}, max_tokens 64, session "s1", stream true}.
struct ChatRequest {
  std::string model;
  std::optional<PlainPrompt> plain;   // instead of messages and template; never trained
  std::vector<Message> messages;      // at least one; parts joined, role developer already mapped to system
  std::string tools;                  // JSON text of the tools array as given; empty if none, or if none may be called
  std::string template_arguments;     // JSON object for the chat template: {"enable_thinking":false}; empty if none
  bool add_generation_prompt = true;  // false: the prompt ends after the last message
  bool continue_final_message = false;  // the reply goes on with the last message, which is the assistant's
  Constraint constraint;                // what response_format or tool_choice hold the reply to
  SamplingParameters sampling;          // temperature 0..2, top_p (0,1], top_k >= 0
  bool temperature_given = false, seed_given = false;
  std::optional<std::int32_t> max_tokens;  // >= 1, with an echo >= 0; nullopt = up to the service
  std::vector<std::string> stop;           // at most 16, none empty
  std::string session;  // the id that the client states: X-Session-Id, x-session-affinity, session_id; or empty
  std::string client_request_id, prompt_cache_key;  // weaker ids: believed only where the messages agree
  std::string user;                                 // the request's `user`
  std::string completion_id;                        // what the client gets as `id`; set by the server
  std::string key;                                  // id of the API key; empty where none is needed
  Learning learning = Learning::learn;              // X-Learning, metadata.learning, store
  bool learning_for_session = false;                // it is to count for the whole session from now on
  bool session_done = false;                        // the client says that this was the session's last turn
  std::optional<TurnType> turn_type;                // nullopt = the client did not say
  std::int32_t n = 1;                               // replies wanted, each with a seed of its own: 1..16
  bool logprobs = false;                            // tell the sink the log-probs of the tokens
  std::int32_t top_logprobs = 0;                    // and of the likeliest alternatives: 0..20
  bool stream = false;                              // for the record: the sink is fed the same way in both cases
};

struct ChatUsage {
  int prompt_tokens = 0;
  int completion_tokens = 0;
  int cached_tokens = 0;     // part of prompt_tokens that a prefix cache served
  int reasoning_tokens = 0;  // part of completion_tokens: thoughts and their tags
};

/// A token as `logprobs` shows it: natural log at temperature 1, nothing cut. `text` may be part of a character.
struct TokenLogprob {
  std::string text;
  float logprob = 0;                               // NaN: there is none, as for a prompt's first token
  std::vector<std::pair<std::string, float>> top;  // likeliest first
};

/// What the service makes of a request before it answers.
struct Acceptance {
  std::string session;  // empty: of its own
  Learning learning = Learning::learn;
};

/// An OpenAI error body and its HTTP status, e.g. {400, "invalid_request_error", "", "temperature", "..."}.
/// `code` and `param` may be empty (sent as null).
struct ChatError {
  int status = 500;
  std::string type;
  std::string code;
  std::string param;
  std::string message;
};

/// Some more of one tool call. `id` and `name` come with the first delta of an index and are empty afterwards.
struct ToolCallDelta {
  int index = 0;  // 0, 1, ... of the calls of the reply
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, continued
};

/// Receives one reply: on_accepted, any number of on_logprobs, on_reasoning, on_text and on_tool_call, then exactly one
/// of on_finish and on_error. Each call comes from any thread, one at a time per sink, and never blocks. Calls after
/// the end or after a cancellation are ignored, so a sink may be kept and fed as long as the caller likes.
class ChatSink {
 public:
  virtual ~ChatSink() = default;
  /// For ChatRequest::n > 1: where reply `index` goes, a sink with an end of its own. An error ends all of them.
  virtual std::shared_ptr<ChatSink> choice(int) { return nullptr; }
  virtual void on_accepted(const Acceptance&) {}  // for response headers; before anything else, or not at all
  virtual void on_logprobs(std::span<const TokenLogprob>) {}  // of tokens that the next deltas are made of
  virtual void on_text(std::string_view delta) = 0;           // whole UTF-8 characters
  virtual void on_reasoning(std::string_view delta) = 0;      // text of the think block
  virtual void on_tool_call(const ToolCallDelta& delta) = 0;
  /// finish_reason: "stop", "length" or "tool_calls".
  virtual void on_finish(const std::string& finish_reason, const ChatUsage& usage) = 0;
  virtual void on_error(const ChatError& error) = 0;
};

/// What a call that is answered in one piece came to: a value or an error.
template <class T>
struct Outcome {
  std::optional<T> value;
  ChatError error;  // counts when there is no value
};

/// Called once, from any thread, also from inside the call; must not block.
template <class T>
using Answer = std::function<void(Outcome<T>)>;

/// POST /tokenize: a text as it is, or messages as the chat template renders them.
struct TokenizeRequest {
  std::string model;
  std::string text;
  std::optional<ChatRequest> chat;
  bool add_special_tokens = true;
};

/// From here on a feedback's score is good (or, negative, bad); between the two it is neutral.
inline constexpr double clear_score = 0.25;

/// POST /v1/feedback. The turn is named by completion_id, or session and index, or session and time; text alone is
/// looked up among the user's turns.
struct FeedbackRequest {
  std::string id;   // the client's own, for idempotence; empty = made from the content
  std::string key;  // of the API key that sends it
  std::string completion_id, session, user;
  std::optional<std::int32_t> turn;     // index within the session
  std::string time;                     // "yesterday", "2026-11-27", "2026-11-27T10:00:00Z", ...
  std::int32_t utc_offset_minutes = 0;  // where days begin for `time`
  std::optional<double> score;          // -1..1; thumbs up and down are 1 and -1
  std::string text;                     // free text
  std::string correction;               // the better reply
  std::string hint;                     // what the reply should have heeded, as an instruction
  std::string fault;                    // the words of the reply that were wrong
  std::int8_t severity = 0;             // of the error: 1 slight .. 3 grave; 0 = not said
  bool withdraw = false;                // takes the feedback `id` back
};

struct CreditedTurn {
  std::int64_t turn = 0;
  std::string session;
  std::int32_t index = 0;
  std::string completion_id;
  double confidence = 0;  // 0..1
  std::string learning;   // what becomes of it: waiting, judging, sampled, trained, or why it is not learned from
};

struct FeedbackReceipt {
  std::string id;
  std::string status;  // accepted, duplicate, withdrawn, uncredited
  std::vector<CreditedTurn> turns;
  std::string reason;  // why nothing was credited, or is not learned from
};

struct ModelCard {
  std::string id;
  std::int64_t max_model_len = 0;  // tokens
  std::int64_t created = 0;        // Unix seconds
};

/// What answers the requests. Called from the server's I/O threads, so nothing here may block for long.
class ChatService {
 public:
  virtual ~ChatService() = default;

  /// Begins a reply and returns its ticket (never 0). Errors go to the sink, also from inside this call: one that comes
  /// before start() returns, or within HttpSettings::error_grace, gets its HTTP status even when the client asked for
  /// a stream; a later one travels as an error event on the stream.
  virtual std::uint64_t start(ChatRequest request, std::shared_ptr<ChatSink> sink) = 0;

  /// The client is gone: stop generating. Unknown and finished tickets are ignored.
  virtual void cancel(std::uint64_t ticket) = 0;

  virtual std::vector<ModelCard> models() = 0;
  virtual std::string health() = 0;  // GET /health, is it alive: "" = yes, else what is wrong (answered with 503)
  virtual std::string ready() { return health(); }   // GET /ready, can it serve and record: likewise
  virtual std::string unrecorded() { return {}; }    // why turns are served but not recorded; "" = they are recorded
  virtual std::string metrics_text() { return {}; }  // GET /metrics, Prometheus' text format
  virtual std::string status_json() = 0;             // one JSON object for GET /status: version, queue lengths, counts

  // Calls that are answered in one piece. A service without one answers 501.
  virtual void tokenize(TokenizeRequest, Answer<std::vector<TokenId>> answer) {
    answer(not_here<std::vector<TokenId>>());
  }
  virtual void detokenize(std::vector<TokenId>, Answer<std::string> answer) { answer(not_here<std::string>()); }
  virtual void feedback(FeedbackRequest, Answer<FeedbackReceipt> answer) { answer(not_here<FeedbackReceipt>()); }
  virtual void export_user(UserDataRequest, Answer<UserExport> answer) { answer(not_here<UserExport>()); }
  virtual void erase_user(UserDataRequest, Answer<ErasureReport> answer) { answer(not_here<ErasureReport>()); }

 private:
  template <class T>
  static Outcome<T> not_here() {
    return {std::nullopt, {501, "not_implemented", "", "", "this server does not offer that"}};
  }
};

}  // namespace clawrl
