#include "roles/feedback_lookup.hpp"

#include <algorithm>
#include <set>

namespace clawrl {
namespace {

ChatError not_found(const std::string& param, const std::string& message) {
  return {404, "invalid_request_error", "turn_not_found", param, message};
}

/// The same words for an unknown turn and for another key's: nobody learns what others have.
ChatError unknown_turn(const FeedbackRequest& request) {
  if (!request.completion_id.empty())
    return not_found("completion_id", "completion_id names no turn of this API key that is on record");
  if (request.turn) return not_found("turn", "session_id and turn name no turn of this API key that is on record");
  return not_found("session_id", "session_id names no session of this API key that is on record");
}

bool belongs(const Turn& turn, const FeedbackRequest& request) {
  if (turn.key != request.key || turn.learning == Learning::off) return false;
  if (!request.user.empty() && turn.user != request.user) return false;
  return request.session.empty() || turn.session == session_key(request.key, request.session);
}

/// An exclusion that a new verdict may lift.
bool of_a_verdict(const std::string& exclusion) {
  static const std::set<std::string> known = {"judge_failed", "superseded", "stale", "withdrawn", "no_teacher_logprobs",
                                              "no_reference"};
  return known.contains(exclusion);
}

void add_history(const JournalReader& journal, FeedbackTarget& target, std::int32_t without) {
  const TurnId id = target.turn.id;
  target.newest_revision = journal.newest_revision(id);
  target.taken = journal.was_taken(id);
  const auto prm = journal.verdict({id, 0});
  target.judged_by_prm = prm.has_value();
  if (prm && prm->error.empty()) target.fallback = prm;
  for (const FeedbackRecord& record : journal.feedback_on(id)) {
    if (record.revision == without || !record.stands()) continue;
    target.standing.push_back(record);
    const auto verdict = journal.verdict({id, record.revision});
    if (verdict && verdict->error.empty()) target.fallback = verdict;
  }
}

std::optional<FeedbackTarget> target_of(const JournalReader& journal, TurnId id) {
  auto turn = journal.turn(id);
  if (!turn) return std::nullopt;
  FeedbackTarget target;
  target.turn = std::move(*turn);
  if (of_a_verdict(target.turn.exclusion)) target.turn.exclusion.clear();
  return target;
}

/// The turn that is named by completion id or place.
std::optional<FeedbackTarget> named_turn(const JournalReader& journal, const FeedbackRequest& request) {
  const bool by_id = !request.completion_id.empty();
  const auto ids = by_id ? journal.turns_by_completion(request.completion_id)
                         : journal.turns_of(session_key(request.key, request.session));
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {  // the newest, should an index be there twice
    auto target = target_of(journal, *id);
    if (!target || !belongs(target->turn, request)) continue;
    if (!by_id && (target->turn.index != *request.turn || target->turn.type != TurnType::main)) continue;
    return target;
  }
  return std::nullopt;
}

std::uint64_t mix(std::uint64_t hash, const std::string& text) {  // FNV-1a, the length as its end
  for (unsigned char c : text + "/" + std::to_string(text.size())) hash = (hash ^ c) * 0x100000001B3ULL;
  return hash;
}

/// Equal feedback on the same turns has the same name.
std::string content_id(const FeedbackRequest& request, const std::vector<FeedbackTarget>& targets) {
  std::uint64_t hash = mix(0xCBF29CE484222325ULL, request.score ? std::to_string(*request.score) : "none");
  for (const auto& target : targets) hash = mix(hash, std::to_string(target.turn.id.value));
  hash = mix(mix(hash, request.text), request.correction);
  char text[32];
  std::snprintf(text, sizeof text, "fb-%016llx", static_cast<unsigned long long>(hash));
  return text;
}

/// One that was withdrawn may be given again, under the next name.
void name_by_content(const JournalReader& journal, const FeedbackRequest& request, FeedbackLookup& found) {
  const std::string base = found.id = content_id(request, found.targets);
  const auto standing = [](const auto& records) {
    return std::any_of(records.begin(), records.end(), [](const FeedbackRecord& record) { return record.stands(); });
  };
  for (int n = 2; !(found.earlier = journal.feedback(request.key, found.id)).empty() && !standing(found.earlier); ++n)
    found.id = base + "-" + std::to_string(n);
}

void find_turns(const JournalReader& journal, const FeedbackRequest& request, const std::optional<Turn>& live,
                FeedbackLookup& found) {
  if (live && belongs(*live, request)) {
    FeedbackTarget target;
    target.turn = *live;
    target.generating = true;
    found.targets.push_back(std::move(target));
  } else if (auto target = named_turn(journal, request)) {
    found.targets.push_back(std::move(*target));
  } else {
    found.error = unknown_turn(request);
  }
}

void look_up_withdrawn(const JournalReader& journal, FeedbackLookup& found) {
  if (found.earlier.empty())
    found.error = {404, "invalid_request_error", "feedback_not_found", "id",
                   "id names no feedback of this API key that is on record"};
  for (const FeedbackRecord& record : found.earlier) {
    auto target = look_up_target(journal, record.turn, record.revision);
    found.targets.push_back(target ? std::move(*target) : FeedbackTarget());
    found.targets.back().turn.id = record.turn;
  }
}

}  // namespace

std::string session_key(const std::string& key, const std::string& id) {
  return key.empty() ? id : key + ":" + id;
}

std::string client_session(const Turn& turn) {
  const std::string prefix = session_key(turn.key, "");
  return turn.session.starts_with(prefix) ? turn.session.substr(prefix.size()) : turn.session;
}

std::optional<FeedbackTarget> look_up_target(const JournalReader& journal, TurnId turn, std::int32_t without) {
  auto target = target_of(journal, turn);
  if (target) add_history(journal, *target, without);
  return target;
}

FeedbackLookup look_up(const JournalReader& journal, const FeedbackRequest& request, const std::optional<Turn>& live,
                       const FeedbackSearch&) {
  FeedbackLookup found;
  found.id = request.id;
  if (!found.id.empty()) found.earlier = journal.feedback(request.key, found.id);
  if (request.withdraw) {
    look_up_withdrawn(journal, found);
    return found;
  }
  if (!found.earlier.empty()) {  // a repetition
    look_up_withdrawn(journal, found);
    return found;
  }
  find_turns(journal, request, live, found);
  if (!found.error.message.empty() || found.targets.empty()) return found;
  if (found.id.empty()) name_by_content(journal, request, found);
  for (FeedbackTarget& target : found.targets) add_history(journal, target, 0);
  return found;
}

}  // namespace clawrl
