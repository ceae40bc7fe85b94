// The replies to one request: a turn each, of one prompt and with one place in the conversation.

#include "roles/clock.hpp"
#include "roles/messages.hpp"
#include "roles/prompt_scores.hpp"
#include "roles/request_desk.hpp"
#include "roles/turn_seed.hpp"

namespace clawrl {
namespace {

constexpr int most_choices = 16;

/// The first reply's id is the ticket.
std::uint64_t id_of(std::uint64_t ticket, int choice) {
  return ticket | static_cast<std::uint64_t>(choice) << 56;
}

/// As the client may name it: without the key that the journal puts before it.
std::string client_name(const Turn& turn) {
  const std::string prefix = turn.key.empty() ? "" : turn.key + ":";
  return turn.session.starts_with(prefix) ? turn.session.substr(prefix.size()) : turn.session;
}

}  // namespace

/// The others wait for the first one's first token: then the prefix cache has the prompt for them.
void RequestDesk::begin(const ChatRequest& request, Turn turn, GenerateRequest generate, ReplyParserSettings parser,
                        std::shared_ptr<ChatSink> sink, bool redacted) {
  const std::uint64_t ticket = generate.id.value, seed = generate.sampling.seed;
  const int rank = route(turn.session);
  const double now = monotonic_s();
  const bool echo = request.plain && request.plain->echo;
  LogprobsWanted logprobs{request.logprobs, request.logprobs && echo, request.top_logprobs, 0, generate.record_at_t1};
  if (turn.type == TurnType::main) logprobs.keep = settings_.record_top_k;
  if (active_.empty()) busy_since_s_ = now;
  sink->on_accepted({client_name(turn), turn.learning});
  std::vector<GenerateRequest> held;
  for (int choice = 0; choice < request.n; ++choice) {
    Turn own = turn;
    generate.id = {id_of(ticket, choice)};
    if (choice > 0) {
      own.id = journal_.next_turn_id();
      own.completion_id += "/" + std::to_string(choice);
      generate.sampling.seed = request.seed_given
                                   ? derived_seed(seed, static_cast<std::uint64_t>(choice))
                                   : derived_seed(settings_.seed, static_cast<std::uint64_t>(own.id.value));
      held.push_back(generate);
    }
    own.completion.sampling = generate.sampling;
    parser.turn = own.id.value;
    Active active{std::move(own),
                  request.n > 1 ? sink->choice(choice) : sink,
                  ReplyStream(tokenizer_, parser, settings_.stop_tokens, request.stop),
                  rank,
                  request.session_done,
                  request.max_tokens == 0,
                  redacted};
    active.logprobs = logprobs;
    active.ticket = ticket;
    active.choice = choice;
    active.started_s = now;
    if (logprobs.prompt)
      active.echo = request.messages.front().text;
    else if (echo)
      active.sink->on_text(request.messages.front().text);
    active_.emplace(generate.id.value, std::move(active));
    ++load_[rank];
    ++meter_.requests;
  }
  generate.id = {ticket};
  generate.sampling.seed = seed;
  if (logprobs.prompt)
    mailbox_.send(rank, Port::rollout,
                  messages::ScorePrompt{generate.id, generate.version, generate.prompt, request.top_logprobs});
  if (request.max_tokens == 0) {
    if (!logprobs.prompt) end_unsampled(ticket);
    return;
  }
  active_.at(ticket).held = std::move(held);
  mailbox_.send(rank, Port::rollout, messages::Generate{std::move(generate)});
}

void RequestDesk::release_others(Active& active) {
  for (GenerateRequest& generate : active.held) {
    if (settings_.version) generate.version = settings_.version(active.turn);  // the first one's may be retired by now
    mailbox_.send(active.rank, Port::rollout, messages::Generate{std::move(generate)});
  }
  active.held.clear();
}

std::vector<std::uint64_t> RequestDesk::replies_to(std::uint64_t ticket) const {
  std::vector<std::uint64_t> ids;
  for (int choice = 0; choice < most_choices; ++choice)
    if (active_.contains(id_of(ticket, choice))) ids.push_back(id_of(ticket, choice));
  return ids;
}

void RequestDesk::take(const messages::PromptScored& scored) {
  const std::vector<std::uint64_t> ids = replies_to(scored.id.value);
  if (ids.empty()) return;  // the client is gone
  if (!scored.error.empty()) {
    mailbox_.send(active_.at(ids.front()).rank, Port::rollout, messages::Cancel{scored.id});
    return fail(ids.front(), scored.error);
  }
  for (const std::uint64_t id : ids) {
    Active& active = active_.at(id);
    active.sink->on_logprobs(shown_prompt(scored, active.turn.prompt, active.echo, tokenizer_));
    active.sink->on_text(std::exchange(active.echo, {}));
  }
  if (active_.at(ids.front()).unsampled) end_unsampled(scored.id.value);
}

void RequestDesk::end_unsampled(std::uint64_t ticket) {
  for (const std::uint64_t id : replies_to(ticket)) {
    show(active_.at(id), active_.at(id).reply.finish(FinishReason::length));
    finish(id, FinishReason::length);
  }
}

bool RequestDesk::last_of_request(const Active& active) const {
  for (int choice = 0; choice < most_choices; ++choice)
    if (choice != active.choice && active_.contains(id_of(active.ticket, choice))) return false;
  return true;
}

void RequestDesk::cancel(std::uint64_t ticket) {
  for (int choice = 0; choice < most_choices; ++choice) cancel_one(id_of(ticket, choice));
}

}  // namespace clawrl
