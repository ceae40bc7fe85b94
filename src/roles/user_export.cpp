#include "roles/user_export.hpp"

#include <algorithm>

namespace clawrl {
namespace {

constexpr std::size_t most_text = std::size_t{32} << 20;  // bytes; a single turn may be above it

std::size_t text_of(const std::vector<Message>& messages) {
  std::size_t bytes = 0;
  for (const Message& message : messages) {
    bytes += message.text.size() + message.reasoning.size();
    for (const ToolCall& call : message.tool_calls) bytes += call.arguments.size();
  }
  return bytes;
}

ExportedTurn read_turn(const JournalReader& journal, Turn turn) {
  ExportedTurn one;
  const TurnId id = turn.id;
  one.verdicts = journal.verdicts_on(id);
  const auto uses = journal.trained_uses(std::span(&id, 1));
  for (const SampleNote& note : journal.samples_on(id)) {
    ExportedSample sample{note.id.revision, note.origin, note.exclusion, note.version, note.tokens, 0, 0,
                          note.created_s};
    const auto use =
        std::find_if(uses.begin(), uses.end(), [&](const auto& u) { return u.revision == note.id.revision; });
    if (use != uses.end()) sample.step = use->step;
    if (use != uses.end()) sample.step_version = use->version;
    one.samples.push_back(std::move(sample));
  }
  for (const FeedbackRecord& record : journal.feedback_on(id))
    one.feedback.push_back({record.id, record.text, record.correction, record.hint, record.fault, record.source,
                            record.outcome, record.severity, record.revision, record.score.has_value(),
                            record.score.value_or(0), record.created_s, record.withdrawn_s});
  one.turn = std::move(turn);
  return one;
}

}  // namespace

UserExport read_user(const JournalReader& journal, TurnSelection wanted) {
  const std::int64_t limit = wanted.limit;
  wanted.limit = limit + 1;
  const std::vector<TurnId> ids = journal.select_turns(wanted);
  UserExport data;
  std::size_t bytes = 0;
  for (const TurnId id : ids) {
    std::optional<Turn> turn = journal.turn(id);
    if (!turn) continue;  // erased meanwhile
    const std::size_t more =
        text_of(turn->messages) + text_of(turn->next_state) + turn->tools.size() + 2 * turn->reply.size();
    const bool full = static_cast<std::int64_t>(data.turns.size()) == limit || bytes + more > most_text;
    if (full && !data.turns.empty()) {
      data.next_after = data.turns.back().turn.id.value;
      break;
    }
    bytes += more;
    data.turns.push_back(read_turn(journal, std::move(*turn)));
  }
  return data;
}

}  // namespace clawrl
