// Which requests the desk refuses, and what it says then.

#include "core/error.hpp"
#include "grammar/constraint_check.hpp"
#include "roles/clock.hpp"
#include "roles/refusals.hpp"
#include "roles/request_desk.hpp"

namespace clawrl {

bool RequestDesk::refuse(const ChatRequest& request, ChatSink& sink) {
  if (request.model != settings_.model) {
    refuse_as_invalid(
        sink, invalid(404, "model_not_found", "model",
                      "the model '" + request.model + "' does not exist; this server has '" + settings_.model + "'"));
    return true;
  }
  if (active_.size() + static_cast<std::size_t>(request.n) > static_cast<std::size_t>(settings_.max_queue)) {
    ++meter_.refused;
    sink.on_error(
        {429, "rate_limit_error", "queue_full", "",
         "too many requests at once (http.max_queue = " + std::to_string(settings_.max_queue) + "); try again"});
    return true;
  }
  if (settings_.refuse_unrecorded && journal_.failed() && request.learning != Learning::off) {
    ++meter_.refused;
    sink.on_error({503, "server_error", "journal_failed", "",
                   "nothing can be recorded and run.unrecorded = refuse: " + journal_.failure()});
    return true;
  }
  // Far too long for any tokenizer: refused before the head's thread spends its time on it.
  std::size_t bytes = request.tools.size() + request.template_arguments.size();
  if (request.plain) bytes += request.plain->text.size() + most_bytes_per_token * request.plain->ids.size();
  for (const Message& message : request.messages) bytes += message.text.size() + most_bytes_per_token;
  const std::size_t limit = most_bytes_per_token * static_cast<std::size_t>(settings_.context);
  if (bytes <= limit) return false;
  refuse_as_invalid(sink, too_long(request));
  return true;
}

void RequestDesk::refuse_as_invalid(ChatSink& sink, const ChatError& error) {
  ++meter_.invalid;
  sink.on_error(error);
}

/// They come all at once: half of what HTTP holds for a reader by default (http.max_queued_mb).
bool RequestDesk::refuse_echo(const ChatRequest& request, std::size_t prompt_tokens, ChatSink& sink) {
  constexpr std::size_t most_numbers = 32'768;
  constexpr std::size_t most_tokens = 8'192;  // one forward without a cache
  if (!request.logprobs || !request.plain || !request.plain->echo) return false;
  if (prompt_tokens > most_tokens) {
    refuse_as_invalid(sink, invalid(400, "", "prompt",
                                    "with echo and logprobs a prompt may have at most " + std::to_string(most_tokens) +
                                        " tokens, not " + std::to_string(prompt_tokens)));
    return true;
  }
  const std::size_t numbers = prompt_tokens * static_cast<std::size_t>(request.plain->among) *
                              static_cast<std::size_t>((1 + request.top_logprobs) * request.n);
  if (numbers <= most_numbers) return false;
  refuse_as_invalid(sink,
                    invalid(400, "", "logprobs",
                            "with echo, the tokens of the prompt times (logprobs + 1) times n times the number of "
                            "prompts must be at most " +
                                std::to_string(most_numbers) + ", not " + std::to_string(numbers)));
  return true;
}

bool RequestDesk::refuse_constraint(const ChatRequest& request, ChatSink& sink) {
  const bool call = request.constraint.kind == Constraint::Kind::tool_call;
  if (call && settings_.reply_format.tools == ToolFormat::none) {
    refuse_as_invalid(sink, invalid(400, "", "tool_choice",
                                    "tool_choice cannot demand a call: how this model writes "
                                    "calls is not known (setting model.tool_format)"));
    return true;
  }
  try {
    check_constraint(request.constraint);
  } catch (const UserError& error) {
    refuse_as_invalid(sink, invalid(400, "", call ? "tools" : "response_format", error.what()));
    return true;
  }
  return false;
}

/// In the words that clients know an overflow by.
ChatError RequestDesk::too_long(const ChatRequest& request, std::size_t prompt_tokens) const {
  const std::string context = std::to_string(settings_.context);
  const std::string where = request.plain ? "prompt" : "messages";
  const auto wanted = static_cast<std::size_t>(request.max_tokens.value_or(1));
  std::string asked = "more than " + context + " tokens in the " + where;
  if (prompt_tokens > 0)
    asked = std::to_string(prompt_tokens + wanted) + " tokens (" + std::to_string(prompt_tokens) + " in the " + where +
            ", " + std::to_string(wanted) + " in the completion)";
  return invalid(400, "context_length_exceeded", where,
                 "This model's maximum context length is " + context + " tokens. However, you requested " + asked +
                     ". Please reduce the length of the " + where + ".");
}

/// Agents lower the limit when they believe that the context is nearly full, down to 1: their window is set too small.
void RequestDesk::warn_of_short_replies(const ChatRequest& request) {
  constexpr std::int32_t short_reply = 16;
  constexpr double between_s = 60;
  if (!events_.warn || request.tools.empty() || request.max_tokens.value_or(short_reply) >= short_reply) return;
  const double now = monotonic_s();
  if (now - warned_s_ < between_s) return;
  warned_s_ = now;
  events_.warn("an agent asked for a reply of at most " + std::to_string(*request.max_tokens) +
               " tokens: its context window is probably configured smaller than the " +
               std::to_string(settings_.context) + " tokens served here (said at most once a minute)");
}

}  // namespace clawrl
