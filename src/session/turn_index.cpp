#include "session/turn_index.hpp"

#include <algorithm>

namespace clawrl {
namespace {

Fingerprint entry_of(Look look, Fingerprint print) {
  return mix(print, static_cast<Fingerprint>(look) + 1);
}

}  // namespace

bool one_session(const std::vector<TrackedTurn*>& turns) {
  return std::all_of(turns.begin(), turns.end(),
                     [&](const TrackedTurn* turn) { return turn->session == turns.front()->session; });
}

TrackedTurn& TurnIndex::add(TrackedTurn turn) {
  const TurnId id = turn.id;
  TrackedTurn& kept = turns_.insert_or_assign(id, std::move(turn)).first->second;
  enter(kept, Look::question, kept.question.whole);
  return kept;
}

void TurnIndex::enter(TrackedTurn& turn, Look look, Fingerprint print) {
  const Fingerprint entry = entry_of(look, print);
  std::vector<TurnId>& alike = entries_[entry];
  if (std::find(turn.entries.begin(), turn.entries.end(), entry) != turn.entries.end()) return;
  if (alike.size() >= most_alike) alike.erase(alike.begin());
  alike.push_back(turn.id);
  turn.entries.push_back(entry);
}

void TurnIndex::remove(TurnId id) {
  const auto found = turns_.find(id);
  if (found == turns_.end()) return;
  for (const Fingerprint entry : found->second.entries) {
    const auto alike = entries_.find(entry);
    if (alike == entries_.end()) continue;
    std::erase(alike->second, id);
    if (alike->second.empty()) entries_.erase(alike);
  }
  turns_.erase(found);
}

TrackedTurn* TurnIndex::find(TurnId id) {
  const auto found = turns_.find(id);
  return found == turns_.end() ? nullptr : &found->second;
}

std::vector<TrackedTurn*> TurnIndex::find(Look look, Fingerprint print) {
  std::vector<TrackedTurn*> turns;
  const auto alike = entries_.find(entry_of(look, print));
  if (alike == entries_.end()) return turns;
  for (const TurnId id : alike->second)
    if (TrackedTurn* turn = find(id)) turns.push_back(turn);
  return turns;
}

}  // namespace clawrl
