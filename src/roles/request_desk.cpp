#include "roles/request_desk.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "roles/messages.hpp"
#include "rollout/append.hpp"
#include "rollout/request_check.hpp"

namespace clawrl {
namespace {

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

ChatError too_long(std::int32_t context, const std::string& tokens) {
  return invalid(400, "context_length_exceeded", "messages",
                 "This model's maximum context length is " + std::to_string(context) +
                     " tokens. However, your messages resulted in " + tokens +
                     " tokens. Please reduce the length of the messages.");
}

constexpr std::size_t most_bytes_per_token = 64;  // of real text, on average over a prompt

}  // namespace

RequestDesk::RequestDesk(Mailbox& mailbox, Journal& journal, SessionStore& sessions, ServiceMeter& meter,
                         Tokenizer tokenizer, ChatTemplate chat_template, RequestDeskSettings settings, Events events)
    : mailbox_(mailbox), journal_(journal), sessions_(sessions), meter_(meter), tokenizer_(std::move(tokenizer)),
      template_(std::move(chat_template)),
      settings_(std::move(settings)), events_(std::move(events)) {}

bool RequestDesk::refuse(const ChatRequest& request, ChatSink& sink) {
  if (request.model != settings_.model) {
    ++meter_.invalid;
    sink.on_error(invalid(404, "model_not_found", "model",
                          "the model '" + request.model + "' does not exist; this server has '" + settings_.model + "'"));
    return true;
  }
  if (active_.size() >= static_cast<std::size_t>(settings_.max_queue)) {
    ++meter_.refused;
    sink.on_error({429, "rate_limit_error", "queue_full", "", "too many requests at once (http.max_queue = " +
                                                                  std::to_string(settings_.max_queue) + "); try again"});
    return true;
  }
  // Far too long for any tokenizer: refused before the head's thread spends its time on it.
  std::size_t bytes = request.tools.size();
  for (const Message& message : request.messages) bytes += message.text.size();
  const std::size_t limit = most_bytes_per_token * static_cast<std::size_t>(settings_.context);
  if (bytes <= limit) return false;
  ++meter_.invalid;
  sink.on_error(too_long(settings_.context, "more than " + std::to_string(settings_.context)));
  return true;
}

void RequestDesk::start(std::uint64_t ticket, ChatRequest request, std::shared_ptr<ChatSink> sink) {
  if (refuse(request, *sink)) return;
  Turn turn;
  turn.created_s = unix_s();
  try {
    turn.prompt = template_.render_ids(tokenizer_, request.messages, request.tools, template_options(turn));
  } catch (const UserError& error) {
    ++meter_.invalid;
    return sink->on_error(invalid(400, "", "messages", error.what()));
  }
  const auto prompt_tokens = static_cast<std::int32_t>(turn.prompt.size());
  if (prompt_tokens >= settings_.context) {
    ++meter_.invalid;
    return sink->on_error(too_long(settings_.context, std::to_string(prompt_tokens)));
  }
  const double now = monotonic_s();
  turn.id = journal_.next_turn_id();
  turn.session = request.session.empty() ? "request-" + std::to_string(turn.id.value) : request.session;
  turn.type = request.turn_type.value_or(TurnType::main);
  turn.messages = request.messages;
  turn.tools = request.tools;
  turn.model = request.model;
  const GenerateRequest generate = generate_request(request, turn, ticket);
  if (const std::string problem = refusal(generate, settings_.vocabulary, settings_.context); !problem.empty()) {
    ++meter_.invalid;
    return sink->on_error(invalid(400, "", "", problem));
  }
  if (turn.type == TurnType::main) {
    for (LinkedTurn& linked : sessions_.link(turn.session, turn.messages, now)) events_.linked(std::move(linked));
    turn.index = sessions_.next_index(turn.session, now);
  }
  turn.completion.sampling = generate.sampling;
  const int rank = route(turn.session);
  if (active_.empty()) busy_since_s_ = now;
  ++load_[rank];
  ++meter_.requests;
  active_.emplace(ticket, Active{std::move(turn), std::move(sink), Detokenizer(tokenizer_, true),
                                 StopText(request.stop), rank, request.session_done, now, 0});
  mailbox_.send(rank, Port::rollout, messages::Generate{generate});
}

GenerateRequest RequestDesk::generate_request(const ChatRequest& request, const Turn& turn, std::uint64_t ticket) const {
  GenerateRequest generate;
  generate.id = {ticket};
  generate.prompt = turn.prompt;
  generate.sampling = request.sampling;
  if (!request.temperature_given) generate.sampling.temperature = static_cast<float>(settings_.rollout.temperature);
  if (!request.seed_given) generate.sampling.seed = turn_seed(settings_.seed, turn.id);
  const auto room = settings_.context - static_cast<std::int32_t>(turn.prompt.size());
  generate.stop.max_tokens = std::min(request.max_tokens.value_or(settings_.rollout.max_tokens), room);
  generate.stop.stop_tokens = settings_.stop_tokens;
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

void RequestDesk::take(const std::vector<CompletionDelta>& deltas) {
  for (const CompletionDelta& delta : deltas) {
    const auto found = active_.find(delta.id.value);
    if (found != active_.end()) take(found->second, delta);  // else: ended here already (client gone, stop string)
  }
}

void RequestDesk::take(Active& active, const CompletionDelta& delta) {
  if (delta.part.finish == FinishReason::failed || delta.part.finish == FinishReason::deadline)
    return fail(delta.id.value, delta.part.error.empty() ? "the request ran out of time" : delta.part.error);
  measure(active, delta);
  append(active.turn.completion, delta.part);
  std::string text;
  for (TokenId id : delta.part.ids) text += active.stop_text.push(active.detokenizer.push(id));
  if (delta.part.finish != FinishReason::none) text += active.stop_text.push(active.detokenizer.flush());
  if (delta.part.finish != FinishReason::none) text += active.stop_text.flush();
  if (!text.empty()) active.sink->on_text(text);
  active.turn.reply += text;
  const bool stopped = active.stop_text.found();
  if (delta.part.finish != FinishReason::none)
    return finish(delta.id.value, stopped ? FinishReason::stop : delta.part.finish);
  if (stopped) {
    mailbox_.send(active.rank, Port::rollout, messages::Cancel{delta.id});
    finish(delta.id.value, FinishReason::stop);
  }
}

void RequestDesk::measure(Active& active, const CompletionDelta& delta) {
  if (delta.part.ids.empty()) return;
  const double now = monotonic_s();
  if (active.last_token_s == 0) {
    meter_.first_token_s.add(now - active.started_s);
  } else {
    meter_.token_gap_s.add(now - active.last_token_s);
    if (events_.committing()) meter_.token_gap_commit_s.add(now - active.last_token_s);
  }
  active.last_token_s = now;
  meter_.rollout_tokens += static_cast<std::int64_t>(delta.part.ids.size());
  events_.token(delta.part.versions.back());
}

void RequestDesk::finish(std::uint64_t ticket, FinishReason reason) {
  Active& active = active_.at(ticket);
  Turn& turn = active.turn;
  turn.completion.finish = reason;
  turn.state = turn.type == TurnType::side ? TurnState::side : TurnState::answered;
  if (turn.type == TurnType::main) {
    sessions_.answered(turn, monotonic_s());
    events_.answered(turn);
  }
  ++meter_.served;
  const ChatUsage usage{static_cast<int>(turn.prompt.size()), static_cast<int>(turn.completion.ids.size()),
                        turn.completion.cached_tokens};
  meter_.prompt_tokens += usage.prompt_tokens;
  meter_.cached_tokens += usage.cached_tokens;
  journal_.save_turn(turn, [sink = active.sink, usage, reason](std::exception_ptr failure) {
    if (!failure) return sink->on_finish(reason == FinishReason::length ? "length" : "stop", usage);
    sink->on_error({500, "server_error", "journal_failed", "", "the reply could not be recorded"});
  });
  if (active.session_done && turn.type == TurnType::main)
    for (TurnId id : sessions_.end(turn.session)) events_.ended(id);
  drop(ticket);
}

void RequestDesk::cancel(std::uint64_t ticket) {
  const auto found = active_.find(ticket);
  if (found == active_.end()) return;
  Active& active = found->second;
  mailbox_.send(active.rank, Port::rollout, messages::Cancel{{ticket}});
  active.turn.state = TurnState::aborted;
  active.turn.completion.finish = FinishReason::cancelled;
  journal_.save_turn(active.turn);
  ++meter_.hung_up;
  drop(ticket);
}

void RequestDesk::fail(std::uint64_t ticket, const std::string& error) {
  Active& active = active_.at(ticket);
  ++(active.last_token_s == 0 ? meter_.refused : meter_.cut);
  active.turn.state = TurnState::aborted;
  active.turn.completion.finish = FinishReason::failed;
  active.turn.completion.error = error;
  journal_.save_turn(active.turn);
  active.sink->on_error({500, "server_error", "generation_failed", "", error});
  drop(ticket);
}

void RequestDesk::fail_all(const std::string& why) {
  while (!active_.empty()) fail(active_.begin()->first, why);
}

void RequestDesk::drop(std::uint64_t ticket) {
  --load_[active_.at(ticket).rank];
  active_.erase(ticket);
  if (active_.empty()) meter_.generating_s += monotonic_s() - busy_since_s_;
}

}  // namespace clawrl
