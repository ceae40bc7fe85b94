// How explicit feedback reaches the other desks.

#include "roles/clock.hpp"
#include "roles/head.hpp"

namespace clawrl {

void Head::feedback(FeedbackRequest request, Answer<FeedbackReceipt> answer) {
  if (journal_->failed())
    return answer({std::nullopt,
                   {503, "server_error", "journal_failed", "", "feedback cannot be recorded: " + journal_->failure()}});
  for (std::string* id : {&request.session, &request.user}) *id = redactor_->identifier(*id);  // as turns have them
  loop_.post([this, request = std::move(request), answer = std::move(answer)] { feedback_->start(request, answer); });
}

/// The lambdas look at desks that a server without learning does not have.
FeedbackDesk::Seams Head::feedback_seams() {
  FeedbackDesk::Seams seams;
  seams.generating = [this](const FeedbackRequest& request) {
    return requests_->generating([&](const Turn& turn) {
      if (!request.completion_id.empty()) return turn.completion_id == request.completion_id;
      return request.turn && turn.type == TurnType::main && turn.index == *request.turn &&
             turn.session == session_of(request.key, request.session);
    });
  };
  seams.still_generating = [this](TurnId id) {
    return requests_->generating([id](const Turn& turn) { return turn.id == id; }) != nullptr;
  };
  seams.judge = [this](Turn turn, std::int32_t revision, GivenVerdict given) {
    feedback_at_[turn.id] = unix_s();
    judges_->submit(std::move(turn), revision, std::move(given));
  };
  seams.judging = [this] { return judges_ ? judges_->waiting() : 0; };
  seams.refusal = [this](const Turn& turn) { return steps_->refusal(turn); };
  seams.learn = [this](const Turn& turn, const Verdict& verdict) { return steps_->add(turn, verdict); };
  seams.drop = [this](TurnId id, const std::string& reason) { steps_->drop(id, reason); };
  seams.taking = [this](TurnId id) { return steps_ && steps_->taking(id); };
  seams.awaits_prm = [this](TurnId id) -> std::optional<TurnState> {
    if (open_turns_.contains(id)) return TurnState::answered;
    if (judges_ && judges_->has({id, 0})) return TurnState::judging;
    return std::nullopt;
  };
  seams.redact = [redactor = redactor_](std::string text) {
    redactor->redact(text);
    return text;
  };
  return seams;
}

void Head::make_feedback_desk() {
  feedback_ = std::make_unique<FeedbackDesk>(*journal_, loop_, config_.feedback, context_.learning, feedback_seams());
}

}  // namespace clawrl
