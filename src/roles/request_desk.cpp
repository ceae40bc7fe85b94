#include "roles/request_desk.hpp"

#include <algorithm>
#include <span>

#include "core/error.hpp"
#include "grammar/constraint_check.hpp"
#include "roles/clock.hpp"
#include "roles/messages.hpp"
#include "rollout/request_check.hpp"

namespace clawrl {
namespace {

RequestClaim claim_of(const ChatRequest& request, const Turn& turn) {
  RequestClaim claim{turn.messages, request.key, request.session};
  claim.client_request_id = request.client_request_id;
  claim.prompt_cache_key = request.prompt_cache_key;
  claim.user = request.user;
  claim.tools = !request.tools.empty();
  claim.turn_type = request.turn_type;
  return claim;
}

/// A seed of its own for every turn of a run, the same when the run is repeated.
std::uint64_t turn_seed(std::uint64_t run_seed, TurnId turn) {
  std::uint64_t z = run_seed * 0x9E3779B97F4A7C15ULL + static_cast<std::uint64_t>(turn.value) + 1;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

ChatError invalid(int status, std::string code, std::string param, std::string message) {
  return {status, "invalid_request_error", std::move(code), std::move(param), std::move(message)};
}

ChatError too_long(std::int32_t context, std::string tokens = "") {
  if (tokens.empty()) tokens = "more than " + std::to_string(context);
  return invalid(400, "context_length_exceeded", "messages",
                 "This model's maximum context length is " + std::to_string(context) +
                     " tokens. However, your messages resulted in " + tokens +
                     " tokens. Please reduce the length of the messages.");
}

constexpr std::size_t most_bytes_per_token = 64;  // of real text, on average over a prompt; a message has one at least

}  // namespace

RequestDesk::RequestDesk(Mailbox& mailbox, Journal& journal, SessionStore& sessions, ServiceMeter& meter,
                         Tokenizer tokenizer, ChatTemplate chat_template, RequestDeskSettings settings, Events events)
    : mailbox_(mailbox),
      journal_(journal),
      sessions_(sessions),
      meter_(meter),
      tokenizer_(std::move(tokenizer)),
      template_(std::move(chat_template)),
      settings_(std::move(settings)),
      learning_(settings_.learning),
      events_(std::move(events)) {
  for (const auto& [session, learning] : journal_.session_learning()) learning_.set(session, learning);
}

bool RequestDesk::refuse(const ChatRequest& request, ChatSink& sink) {
  if (request.model != settings_.model) {
    refuse_as_invalid(
        sink, invalid(404, "model_not_found", "model",
                      "the model '" + request.model + "' does not exist; this server has '" + settings_.model + "'"));
    return true;
  }
  if (active_.size() >= static_cast<std::size_t>(settings_.max_queue)) {
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
  for (const Message& message : request.messages) bytes += message.text.size() + most_bytes_per_token;
  const std::size_t limit = most_bytes_per_token * static_cast<std::size_t>(settings_.context);
  if (bytes <= limit) return false;
  refuse_as_invalid(sink, too_long(settings_.context));
  return true;
}

void RequestDesk::refuse_as_invalid(ChatSink& sink, const ChatError& error) {
  ++meter_.invalid;
  sink.on_error(error);
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

Turn RequestDesk::turn_of(const ChatRequest& request) {
  Turn turn;
  turn.messages = request.messages;
  turn.type = turn_type_of(claim_of(request, turn));
  // The rest of a message, or a reply without its opening, is no turn that could be rendered again with a hint.
  if (request.continue_final_message || !request.add_generation_prompt) turn.type = TurnType::side;
  turn.tools = request.tools;
  turn.template_arguments = request.template_arguments;
  turn.model = request.model;
  turn.completion_id = request.completion_id;
  turn.key = request.key;
  turn.user = request.user;
  turn.learning = learning_of(request, turn);
  turn.created_s = unix_s();
  return turn;
}

std::optional<std::vector<TokenId>> RequestDesk::prompt_of(const ChatRequest& request, const Turn& turn) const {
  TemplateOptions options = template_options(turn);
  options.add_generation_prompt = request.add_generation_prompt && !request.continue_final_message;
  options.continue_final_message = request.continue_final_message;
  const RenderedPrompt prompt = template_.render(turn.messages, turn.tools, options);
  // Thoughts and arguments of calls count only where the template writes them.
  if (prompt.text.size() > most_bytes_per_token * static_cast<std::size_t>(settings_.context)) return std::nullopt;
  return tokenizer_.encode(prompt.text, prompt.data);
}

ReplyParserSettings RequestDesk::parser_settings(const ChatRequest& request, const Turn& turn) const {
  constexpr std::size_t tail = 16;  // tokens: an opened block is at the very end
  const auto kind = request.constraint.kind;
  const bool json = kind == Constraint::Kind::json_object || kind == Constraint::Kind::json_schema;
  ReplyParserSettings settings;
  settings.format = settings_.reply_format;
  settings.tools_given = !turn.tools.empty() && !json;
  settings.calls_are_certain = kind == Constraint::Kind::tool_call;
  settings.turn = turn.id.value;
  if (!settings.format.reasoning) return settings;
  const std::span<const TokenId> prompt(turn.prompt);
  settings.prompt_opens_think = opens_think(tokenizer_.decode(prompt.last(std::min(prompt.size(), tail)), false)) ||
                                (request.continue_final_message && leaves_think_open(turn.messages.back().text));
  return settings;
}

void RequestDesk::start(std::uint64_t ticket, ChatRequest request, std::shared_ptr<ChatSink> sink) {
  if (refuse(request, *sink) || refuse_constraint(request, *sink)) return;
  hide_identifiers(request);
  Turn turn = turn_of(request);
  try {
    auto prompt = prompt_of(request, turn);
    if (!prompt) return refuse_as_invalid(*sink, too_long(settings_.context));
    turn.prompt = std::move(*prompt);
  } catch (const UserError& error) {
    return refuse_as_invalid(*sink, invalid(400, "", "messages", error.what()));
  } catch (const std::exception& error) {  // one request's data must not end the head
    ++meter_.invalid;
    return sink->on_error({500, "server_error", "prompt_failed", "", error.what()});
  }
  const auto prompt_tokens = static_cast<std::int32_t>(turn.prompt.size());
  if (prompt_tokens >= settings_.context)
    return refuse_as_invalid(*sink, too_long(settings_.context, std::to_string(prompt_tokens)));
  const double now = monotonic_s();
  turn.id = journal_.next_turn_id();
  const GenerateRequest generate = generate_request(request, turn, ticket);
  if (const std::string problem = refusal(generate, settings_.vocabulary, settings_.context); !problem.empty())
    return refuse_as_invalid(*sink, invalid(400, "", "", problem));
  ReplyStream reply(tokenizer_, parser_settings(request, turn), settings_.stop_tokens, request.stop);
  const bool redacted = redact_request(turn);
  place(request, turn);
  turn.completion.sampling = generate.sampling;
  const int rank = route(turn.session);
  if (active_.empty()) busy_since_s_ = now;
  ++load_[rank];
  ++meter_.requests;
  active_.emplace(
      ticket, Active{std::move(turn), std::move(sink), std::move(reply), rank, request.session_done, redacted, now, 0});
  mailbox_.send(rank, Port::rollout, messages::Generate{generate});
}

void RequestDesk::place(const ChatRequest& request, Turn& turn) {
  const RequestClaim claim = claim_of(request, turn);
  if (turn.type == TurnType::main && turn.learning != Learning::off) {
    Placement placement = sessions_.place(claim, turn.id, monotonic_s());
    turn.session = std::move(placement.session);
    turn.index = placement.index;
    for (LinkedTurn& linked : placement.linked) events_.linked(std::move(linked));
    return;
  }
  const std::string stated = stated_session(claim);
  turn.session = session_name(claim.key, stated.empty() ? own_session(turn.id) : stated);
}

GenerateRequest RequestDesk::generate_request(const ChatRequest& request, const Turn& turn,
                                              std::uint64_t ticket) const {
  GenerateRequest generate;
  generate.id = {ticket};
  generate.prompt = turn.prompt;
  generate.sampling = request.sampling;
  if (!request.temperature_given) generate.sampling.temperature = static_cast<float>(settings_.rollout.temperature);
  if (!request.seed_given) generate.sampling.seed = turn_seed(settings_.seed, turn.id);
  const auto room = settings_.context - static_cast<std::int32_t>(turn.prompt.size());
  generate.stop.max_tokens = std::min(request.max_tokens.value_or(settings_.rollout.max_tokens), room);
  generate.stop.stop_tokens = settings_.stop_tokens;
  generate.constraint = request.constraint;
  if (turn.type == TurnType::main) generate.record_top_k = settings_.record_top_k;
  return generate;
}

/// A session stays on one rank, where its prefix is cached, unless that rank is much busier than the least busy one.
int RequestDesk::route(const std::string& session) {
  constexpr int tolerated = 8;
  const auto& ranks = settings_.rollout_ranks;
  const int home = ranks[std::hash<std::string>{}(session) % ranks.size()];
  const int idlest = *std::min_element(ranks.begin(), ranks.end(), [&](int a, int b) { return load_[a] < load_[b]; });
  return load_[home] <= load_[idlest] + tolerated ? home : idlest;
}

}  // namespace clawrl
