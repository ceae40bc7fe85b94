#include "roles/group_lookup.hpp"

namespace clawrl {
namespace {

/// "superseded" is said of all choices when their session ends; feedback lifts it.
bool open(const Turn& turn) {
  return turn.state == TurnState::answered || turn.state == TurnState::judging || turn.state == TurnState::expired ||
         (turn.state == TurnState::excluded && turn.exclusion == "superseded");
}

bool judged(const Turn& turn) {
  return turn.state == TurnState::scored || turn.state == TurnState::sampled || turn.state == TurnState::trained;
}

GroupChoice choice_of(const JournalReader& journal, Turn turn) {
  GroupChoice choice;
  choice.awaited = open(turn);
  if (judged(turn)) choice.verdict = journal.newest_verdict(turn.id);
  for (const FeedbackRecord& record : journal.feedback_on(turn.id)) {
    if (record.stands() && record.outcome.empty()) choice.awaited = true;  // it is being judged
    if (!record.stands() && choice.verdict && choice.verdict->revision == record.revision) choice.verdict.reset();
  }
  if (choice.awaited || (choice.verdict && !choice.verdict->error.empty())) choice.verdict.reset();
  if (choice.awaited) turn.exclusion.clear();  // a verdict lifts it
  choice.turn = std::move(turn);
  return choice;
}

bool ended_well(const Turn& turn) {
  return turn.state != TurnState::generating && turn.state != TurnState::aborted && turn.state != TurnState::side;
}

}  // namespace

GroupRecord look_up_group(const JournalReader& journal, const GroupKey& group) {
  GroupRecord record;
  for (const TurnId id : journal.choices_of(group.request)) {
    std::optional<Turn> turn = journal.turn(id);
    if (!turn || group_of(*turn) != group) continue;
    ++record.choices;
    if (ended_well(*turn)) record.ended_well.push_back(choice_of(journal, std::move(*turn)));
  }
  return record;
}

}  // namespace clawrl
