// From recorded feedback to a verdict and a sample, and back when it does not stand.

#include <algorithm>

#include "prm/judge_prompt.hpp"
#include "roles/feedback_desk.hpp"
#include "session/client_text.hpp"

namespace clawrl {
namespace {

/// Without a score, what says how or where says that the reply was not the right one.
std::optional<std::int8_t> vote_of(const FeedbackRecord& record) {
  const bool blames = !record.hint.empty() || !record.fault.empty() || record.severity > 0;
  if (!record.score && record.correction.empty() && !blames) return std::nullopt;
  const double score = record.score.value_or(-1);
  return static_cast<std::int8_t>(score >= clear_score ? 1 : score <= -clear_score ? -1 : 0);
}

GivenVerdict given_by(const FeedbackRecord& record) {
  GivenVerdict given;
  given.vote = vote_of(record);
  if (given.vote) given.origin = "user";
  if (!record.hint.empty()) given.hints.push_back(record.hint);
  if (!record.correction.empty()) given.hints.push_back("A better reply would be:\n" + record.correction);
  const bool praised = given.vote && *given.vote > 0 && record.text.empty();  // by a thumb alone: nothing to wish for
  given.ask_hints = record.hint.empty() && !praised;
  given.severity = record.severity;
  given.fault = record.fault;
  return given;
}

/// What the evaluator reads as the next state: the feedback's words, or what a thumb says besides what followed.
std::vector<Message> next_state_of(const Turn& turn, const FeedbackRecord& record) {
  Message said;
  said.role = "user";
  said.text = record.text;
  if (!record.correction.empty()) said.text += (said.text.empty() ? "" : "\n") + ("Better: " + record.correction);
  if (!record.hint.empty()) said.text += (said.text.empty() ? "" : "\n") + record.hint;
  if (!said.text.empty()) return {said};
  const auto vote = vote_of(record);
  said.text = vote > 0 ? "That was a good reply." : vote < 0 ? "That was a bad reply." : "That reply was so-so.";
  std::vector<Message> messages = turn.next_state;
  messages.push_back(said);
  return messages;
}

}  // namespace

void FeedbackDesk::judge(const Turn& turn, const FeedbackRecord& record) {
  Turn judged = turn;
  judged.next_state = next_state_of(turn, record);
  seams_.judge(std::move(judged), record.revision, given_by(record));
}

void FeedbackDesk::credit_message(const Turn& turn) {
  auto last = turn.messages.rbegin();
  while (last != turn.messages.rend() && is_client_text(*last)) ++last;
  if (last == turn.messages.rend() || !is_users(*last) || is_subagent_task(*last) || jobs_.size() >= most_waiting)
    return;
  const std::string words = user_words(last->text);
  const auto claim = find_claim(words, {turn.created_s, 0});
  if (!claim) return;
  Job job;
  job.kind = Kind::message;
  job.request.key = turn.key;
  job.request.text = words;
  job.request.score = claim->vote;
  job.message = {turn.id, turn.key, turn.user, turn.session, turn.created_s, *claim};
  jobs_.push_back(std::move(job));
  next_job();
}

void FeedbackDesk::said_late(const Turn& turn) {
  if (turn.learning != Learning::learn || turn.completion_id.empty() || jobs_.size() >= most_waiting) return;
  Job job;
  job.request.key = turn.key;
  job.request.completion_id = turn.completion_id;
  job.request.text = judged_turn(turn).next_state;
  if (job.request.text.empty()) return;
  jobs_.push_back(std::move(job));
  next_job();
}

void FeedbackDesk::answered(const Turn& turn) {
  if (config_.credit_messages && turn.learning == Learning::learn) credit_message(turn);
  const auto found = early_.find(turn.id);
  if (found == early_.end()) return;
  for (const std::int32_t revision : found->second) {
    const SampleId id{turn.id, revision};
    const std::string refusal = seams_.refusal(turn);
    if (refusal.empty()) {
      judge(turn, pending_.at(id));
      continue;
    }
    journal_.settle_feedback(id, refusal);
    pending_.erase(id);
  }
  early_.erase(found);
}

std::optional<std::int32_t> FeedbackDesk::prm_revision(const Verdict& verdict) {
  touched_.insert(verdict.turn);
  const auto found = open_.find(verdict.turn);
  if (found == open_.end()) return 0;
  Open& open = found->second;
  open.prm_may_come = false;
  std::optional<std::int32_t> revision;
  if (open.standing.empty() && !open.trained) revision = verdict.error.empty() ? ++open.newest : 0;
  close_if_done(verdict.turn);
  return revision;
}

void FeedbackDesk::no_prm_verdict(TurnId turn) {
  if (const auto found = open_.find(turn); found != open_.end()) found->second.prm_may_come = false;
  close_if_done(turn);
}

/// A look-up that is in hand and has found the turn is done again.
void FeedbackDesk::forget(TurnId turn) {
  touched_.insert(turn);
  early_.erase(turn);
  open_.erase(turn);
  pending_.erase(pending_.lower_bound({turn, 0}), pending_.upper_bound({turn, INT32_MAX}));
}

void FeedbackDesk::close_if_done(TurnId turn) {
  const auto found = open_.find(turn);
  if (found == open_.end() || found->second.prm_may_come) return;
  const auto first = pending_.lower_bound({turn, 0});
  if (first == pending_.end() || first->first.turn != turn) open_.erase(found);
}

void FeedbackDesk::judged(const Turn& turn, Verdict verdict) {
  const SampleId id{verdict.turn, verdict.revision};
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;  // withdrawn meanwhile
  const auto vote = vote_of(found->second);
  verdict.origin = "user";
  if (!verdict.error.empty() && vote) {  // what the user said needs no judge; there is no hint then
    Verdict plain;
    plain.turn = verdict.turn;
    plain.revision = verdict.revision;
    plain.origin = "user";
    plain.votes = {vote};
    plain.score = *vote;
    if (*vote < 0) plain.severity = std::max(verdict.severity, found->second.severity);
    plain.fault_begin = verdict.fault_begin;
    plain.fault_end = verdict.fault_end;
    verdict = std::move(plain);
  }
  pending_.erase(found);
  journal_.save_verdict(verdict);
  const Open& open = open_[id.turn];
  std::string outcome = "sampled";
  if (!open.standing.empty() && *open.standing.rbegin() > id.revision) {
    outcome = "superseded";
  } else if (!verdict.error.empty()) {
    outcome.clear();  // settled once the turn is back to what it was
    jobs_.push_back({Kind::fall_back, {}, {}, id, "judge_failed"});
  } else if (const std::string reason = seams_.learn(turn, verdict); !reason.empty()) {
    outcome = reason;
  }
  if (outcome.empty()) open_[id.turn].standing.erase(id.revision);
  if (!outcome.empty()) journal_.settle_feedback(id, outcome);
  close_if_done(id.turn);
  next_job();
}

/// The turn counts as it would without this feedback: by older feedback, by the PRM, or not at all.
void FeedbackDesk::fall_back(const FeedbackTarget& target, const std::string& reason) {
  const TurnId id = target.turn.id;
  seams_.drop(id, reason);
  const auto& standing = target.standing;
  if (std::any_of(standing.begin(), standing.end(), [](const auto& other) { return other.outcome.empty(); }))
    return;  // it counts when it is judged
  if (target.fallback) {
    Verdict verdict = *target.fallback;
    const auto open = open_.find(id);
    verdict.revision = 1 + std::max(target.newest_revision, open == open_.end() ? 0 : open->second.newest);
    if (open != open_.end()) open->second.newest = verdict.revision;
    journal_.save_verdict(verdict);
    if (!target.taken) seams_.learn(target.turn, verdict);
  } else if (target.taken) {
    return;
  } else if (const auto state = seams_.awaits_prm(id)) {
    journal_.reopen_turn(id, *state);
  } else {
    journal_.exclude_turn(id, reason);
  }
}

void FeedbackDesk::restore() {
  for (const TurnId turn : journal_.unjudged_with_feedback()) {
    const auto state = seams_.awaits_prm(turn);
    if (!state) continue;
    Open& open = open_[turn];
    open.prm_may_come = true;
    open.newest = journal_.newest_revision(turn);
    for (const FeedbackRecord& record : journal_.feedback_on(turn))
      if (record.stands() && (record.outcome.empty() || record.outcome == "sampled"))
        open.standing.insert(record.revision);
  }
  if (!learning_) return;
  for (const FeedbackRecord& record : journal_.open_feedback()) to_resume_.push_back({record.turn, record.revision});
  next_job();
}

void FeedbackDesk::resume(const FeedbackTarget& target, SampleId id, const FeedbackLookup& found) {
  const auto record = std::find_if(target.standing.begin(), target.standing.end(),
                                   [&](const auto& one) { return one.revision == id.revision; });
  if (record == target.standing.end() || !record->outcome.empty()) return;  // withdrawn meanwhile
  if (found.sampled) return journal_.settle_feedback(id, "sampled");
  if (const std::string refusal = seams_.refusal(target.turn); !refusal.empty())
    return journal_.settle_feedback(id, refusal);
  Open& open = open_[id.turn];
  for (const FeedbackRecord& one : target.standing) open.standing.insert(one.revision);
  open.newest = std::max(open.newest, target.newest_revision);
  open.prm_may_come = seams_.awaits_prm(id.turn).has_value();
  pending_[id] = *record;
  seams_.drop(id.turn, "superseded");
  if (found.verdict && found.verdict->error.empty()) return judged(target.turn, *found.verdict);
  judge(target.turn, *record);
}

void FeedbackDesk::tick() {
  for (auto it = early_.begin(); it != early_.end();) {
    if (seams_.still_generating(it->first)) {
      ++it;
      continue;
    }
    const TurnId turn = it->first;
    for (const std::int32_t revision : it->second) {  // it ended without an answer that counts: the journal knows why
      pending_.erase({turn, revision});
      to_resume_.push_back({turn, revision});
    }
    it = early_.erase(it);
    no_prm_verdict(turn);
  }
  next_job();
}

}  // namespace clawrl
