// What the desk does with a request that runs: text to the client, the end into the journal.

#include "roles/clock.hpp"
#include "roles/messages.hpp"
#include "roles/request_desk.hpp"
#include "rollout/append.hpp"

namespace clawrl {

void RequestDesk::take(const std::vector<CompletionDelta>& deltas) {
  for (const CompletionDelta& delta : deltas) {
    const auto found = active_.find(delta.id.value);
    if (found != active_.end()) take(found->second, delta);  // else: ended here already (client gone, stop string)
  }
}

void RequestDesk::take(Active& active, const CompletionDelta& delta) {
  if (delta.part.finish == FinishReason::failed || delta.part.finish == FinishReason::deadline)
    return fail(delta.id.value, delta.part.error.empty() ? "the request ran out of time" : delta.part.error);
  release_others(active);
  measure(active, delta);
  if (active.logprobs.tokens) {
    const std::span<const TokenId> unseen = settings_.stop_tokens;
    active.sink->on_logprobs(shown_logprobs(delta.part, active.logprobs, tokenizer_,
                                            active.logprobs.prompt ? std::span<const TokenId>() : unseen));
    append(active.turn.completion, narrowed(delta.part, active.logprobs.keep));
  } else {
    append(active.turn.completion, delta.part);
  }
  const bool ended = delta.part.finish != FinishReason::none;
  for (TokenId id : delta.part.ids) show(active, active.reply.push(id));
  if (!ended && !active.reply.stopped()) return;
  show(active, active.reply.finish(delta.part.finish));
  if (!ended) mailbox_.send(active.rank, Port::rollout, messages::Cancel{delta.id});
  finish(delta.id.value, active.reply.stopped() ? FinishReason::stop : delta.part.finish);
}

void RequestDesk::show(Active& active, const std::vector<ReplyEvent>& events) {
  for (const ReplyEvent& event : events) {
    if (event.kind == ReplyEvent::Kind::text)
      active.sink->on_text(event.text);
    else if (event.kind == ReplyEvent::Kind::reasoning)
      active.sink->on_reasoning(event.text);
    else
      active.sink->on_tool_call({event.index, event.id, event.name, event.text});
  }
}

void RequestDesk::measure(Active& active, const CompletionDelta& delta) {
  if (delta.part.ids.empty()) return;
  const double now = monotonic_s();
  const double seconds = now - (active.last_token_s == 0 ? active.started_s : active.last_token_s);
  if (active.last_token_s == 0) {
    meter_.first_token_s.add(seconds);
    meter_.first_token_histogram.add(seconds);
  } else {
    meter_.token_gap_s.add(seconds);
    meter_.token_gap_histogram.add(seconds);
    if (events_.committing()) meter_.token_gap_commit_s.add(seconds);
  }
  active.last_token_s = now;
  meter_.rollout_tokens += static_cast<std::int64_t>(delta.part.ids.size());
  events_.token(delta.part.versions.back());
}

void RequestDesk::finish(std::uint64_t id, FinishReason reason) {
  Active& active = active_.at(id);
  Turn& turn = active.turn;
  keep_reply(active);
  turn.completion.finish = reason;
  turn.state = turn.type == TurnType::side ? TurnState::side : TurnState::answered;
  ++meter_.served;
  const ChatUsage usage{static_cast<int>(turn.prompt.size()), static_cast<int>(turn.completion.ids.size()),
                        turn.completion.cached_tokens, active.reply.reasoning_tokens()};
  meter_.prompt_tokens += usage.prompt_tokens;
  meter_.cached_tokens += usage.cached_tokens;
  exclude_private(active);
  record(active, [sink = active.sink, usage, refuse = settings_.refuse_unrecorded,
                  reason = active.reply.finish_reason()](std::exception_ptr failure) {
    if (!failure || !refuse) return sink->on_finish(reason, usage);
    sink->on_error({503, "server_error", "journal_failed", "", "the reply could not be recorded"});
  });
  note_answer(active);
  drop(id);
}

/// After the turn is on its way into the journal: what follows may change its row.
void RequestDesk::note_answer(const Active& active) {
  const Turn& turn = active.turn;
  if (turn.type != TurnType::main || turn.learning == Learning::off) return;
  std::optional<LinkedTurn> early = sessions_.answered(turn, monotonic_s());
  if (turn.state == TurnState::answered) events_.answered(turn);
  if (early) events_.linked(std::move(*early));
  if (active.session_done && last_of_request(active))
    for (const EndedTurn& ended : sessions_.end(turn.session)) events_.ended(ended);
}

void RequestDesk::cancel_one(std::uint64_t id) {
  const auto found = active_.find(id);
  if (found == active_.end()) return;
  Active& active = found->second;
  mailbox_.send(active.rank, Port::rollout, messages::Cancel{{id}});
  keep_reply(active);
  active.turn.state = TurnState::aborted;
  active.turn.completion.finish = FinishReason::cancelled;
  sessions_.aborted(active.turn.id);
  record(active);
  ++meter_.hung_up;
  drop(id);
}

void RequestDesk::fail(std::uint64_t id, const std::string& error) {
  Active& active = active_.at(id);
  const std::uint64_t ticket = active.ticket;
  ++(active.last_token_s == 0 ? meter_.refused : meter_.cut);
  keep_reply(active);
  active.turn.state = TurnState::aborted;
  active.turn.completion.finish = FinishReason::failed;
  active.turn.completion.error = error;
  sessions_.aborted(active.turn.id);
  record(active);
  active.sink->on_error({500, "server_error", "generation_failed", "", error});
  drop(id);
  cancel(ticket);  // the other replies: the client has its error
}

void RequestDesk::fail_all(const std::string& why) {
  while (!active_.empty()) fail(active_.begin()->first, why);
}

void RequestDesk::drop(std::uint64_t id) {
  --load_[active_.at(id).rank];
  active_.erase(id);
  if (active_.empty()) meter_.generating_s += monotonic_s() - busy_since_s_;
}

}  // namespace clawrl
