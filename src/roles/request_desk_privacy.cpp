// What of a request and its reply is kept, and in which form.

#include "roles/request_desk.hpp"

namespace clawrl {

void RequestDesk::hide_identifiers(ChatRequest& request) const {
  if (!settings_.redactor) return;
  for (std::string* id : {&request.session, &request.client_request_id, &request.prompt_cache_key, &request.user})
    *id = settings_.redactor->identifier(*id);
}

Learning RequestDesk::learning_of(const ChatRequest& request, const Turn& turn) {
  const RequestClaim claim{turn.messages, request.key, request.session};
  const std::string stated = stated_session(claim);
  const std::string session = stated.empty() ? std::string() : session_name(request.key, stated);
  if (request.learning_for_session && !session.empty()) {
    const std::int64_t hash = LearningRules::hash(session);
    if (const std::int64_t oldest = learning_.set(hash, request.learning))
      journal_.save_session_learning(oldest, Learning::learn);
    journal_.save_session_learning(hash, request.learning);
  }
  return learning_.effective(request.learning, session);
}

bool RequestDesk::redact_request(Turn& turn) const {
  if (!settings_.redactor || turn.learning == Learning::off) return false;
  const Redactor& redactor = *settings_.redactor;
  return redactor.redact(turn.messages) + redactor.redact(turn.tools) + redactor.redact(turn.template_arguments) > 0;
}

void RequestDesk::forget(const std::function<bool(const Turn&)>& wanted) {
  for (auto& [ticket, active] : active_) {
    if (!wanted(active.turn)) continue;
    active.turn.learning = Learning::off;
    sessions_.aborted(active.turn.id);
  }
}

void RequestDesk::keep_reply(Active& active) {
  Turn& turn = active.turn;
  if (turn.learning == Learning::off) return;
  turn.reply = active.reply.raw();
  turn.reply_message = active.reply.message();
  if (!settings_.redactor) return;
  const int hits = settings_.redactor->redact(turn.reply) + settings_.redactor->redact(turn.reply_message);
  active.redacted = active.redacted || hits > 0;
}

void RequestDesk::exclude_private(Active& active) {
  Turn& turn = active.turn;
  if (turn.state == TurnState::answered && (active.redacted || turn.learning == Learning::store)) {
    turn.state = TurnState::excluded;
    turn.exclusion = turn.learning == Learning::store ? "opted_out" : "redacted";
  }
  if (active.redacted) hide_ids(turn);
}

void RequestDesk::record(Active& active, Journal::Durable durable) {
  if (active.redacted) hide_ids(active.turn);
  if (active.turn.learning != Learning::off) return journal_.save_turn(active.turn, std::move(durable));
  if (durable) durable(nullptr);
}

}  // namespace clawrl
