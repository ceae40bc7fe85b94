#include "roles/feedback_lookup.hpp"

#include <algorithm>
#include <set>

#include "session/client_text.hpp"
#include "session/request_claim.hpp"

namespace clawrl {
namespace {

constexpr std::int64_t most_searched = 200;  // turns, the newest

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
  return request.session.empty() || turn.session == session_of(request.key, request.session);
}

/// An exclusion that a new verdict may lift.
bool of_a_verdict(const std::string& exclusion) {
  static const std::set<std::string> known = {"judge_failed",        "superseded",   "stale",    "withdrawn",
                                              "no_teacher_logprobs", "no_reference", "unsteady", "untrusted"};
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
                         : journal.turns_of(session_of(request.key, request.session));
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
  hash = mix(mix(mix(hash, request.text), request.correction), request.hint);
  if (!request.fault.empty()) hash = mix(hash, request.fault);  // names from before there were any stay
  if (request.severity > 0) hash = mix(hash, std::to_string(request.severity));
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

/// Main turns that were answered: the newest ones, and the newest within `ranges`.
std::vector<PastTurn> past_turns(const JournalReader& journal, TurnFilter filter,
                                 const std::vector<TimeRange>& ranges) {
  std::set<TurnId> ids;
  filter.limit = most_searched;
  for (TurnId id : journal.newest_turns(filter)) ids.insert(id);
  const double until = filter.to_s;
  for (const TimeRange& range : ranges) {
    filter.from_s = range.from_s;
    filter.to_s = std::min(until, range.to_s);
    for (TurnId id : journal.newest_turns(filter)) ids.insert(id);
  }
  std::vector<PastTurn> turns;
  for (TurnId id : ids) {
    const auto turn = journal.turn(id);
    if (!turn || turn->state == TurnState::aborted || turn->state == TurnState::generating) continue;
    PastTurn past{id, turn->created_s, "", turn->reply_message.text.empty() ? turn->reply : turn->reply_message.text};
    for (const Message& message : turn->messages)
      if (is_users(message)) past.asked = user_words(message.text);
    turns.push_back(std::move(past));
  }
  return turns;
}

void credit(const JournalReader& journal, const SearchHit& hit, double threshold, FeedbackLookup& found) {
  if (hit.turn.value == 0 || hit.confidence < threshold) {
    found.reason = hit.turn.value == 0
                       ? "no single turn fits what was said; name it by completion_id, or by session_id and turn"
                       : "unsure: the best fit has confidence " + std::to_string(hit.confidence).substr(0, 4) +
                             ", needed is " + std::to_string(threshold).substr(0, 4);
    return;
  }
  if (auto target = target_of(journal, hit.turn)) {
    target->confidence = hit.confidence;
    found.targets.push_back(std::move(*target));
  }
}

void search_turn(const JournalReader& journal, const FeedbackRequest& request, const FeedbackSearch& search,
                 FeedbackLookup& found) {
  const TimeContext context{search.now_s, request.utc_offset_minutes};
  std::vector<TimeRange> ranges;
  if (!request.time.empty()) ranges = parse_time(request.time, context);
  if (!request.time.empty() && ranges.empty()) {
    found.error = {400, "invalid_request_error", "", "time",
                   "time must be " + std::string(time_forms) + "; and not in the future"};
    return;
  }
  TurnFilter filter{request.key};
  if (!request.user.empty()) filter.user = request.user;
  if (!request.session.empty()) {
    filter.session = session_of(request.key, request.session);
    if (journal.newest_turns(filter).empty()) {
      found.error = unknown_turn(request);
      return;
    }
  }
  const CreditClaim query = query_of(request.text, std::move(ranges), context);
  const SearchHit hit = find_turn(query, past_turns(journal, filter, query.ranges), {});
  credit(journal, hit, search.threshold, found);
}

void find_turns(const JournalReader& journal, const FeedbackRequest& request, const std::optional<Turn>& live,
                const FeedbackSearch& search, FeedbackLookup& found) {
  if (request.completion_id.empty() && !request.turn) return search_turn(journal, request, search, found);
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

/// What the journal has of the turns that were found, and the feedback's name.
void complete(const JournalReader& journal, const FeedbackRequest& request, FeedbackLookup& found) {
  if (!found.error.message.empty() || found.targets.empty()) return;
  if (found.id.empty()) name_by_content(journal, request, found);
  for (FeedbackTarget& target : found.targets) add_history(journal, target, 0);
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

std::string session_of(const std::string& key, const std::string& stated) {
  const std::vector<Message> none;
  return session_name(key, stated_session({none, key, stated}));
}

std::string client_session(const Turn& turn) {
  const std::string prefix = turn.key.empty() ? "" : turn.key + ":";
  return turn.session.starts_with(prefix) ? turn.session.substr(prefix.size()) : turn.session;
}

std::optional<FeedbackTarget> look_up_target(const JournalReader& journal, TurnId turn, std::int32_t without) {
  auto target = target_of(journal, turn);
  if (target) add_history(journal, *target, without);
  return target;
}

FeedbackLookup look_up(const JournalReader& journal, const FeedbackRequest& request, const std::optional<Turn>& live,
                       const FeedbackSearch& search) {
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
  find_turns(journal, request, live, search, found);
  complete(journal, request, found);
  return found;
}

FeedbackLookup look_up_message(const JournalReader& journal, const FeedbackRequest& request,
                               const CreditMessage& message, const FeedbackSearch& search) {
  FeedbackLookup found;
  TurnFilter filter{message.key};
  filter.to_s = message.created_s;
  filter.session = message.session;
  filter.limit = 1;
  const std::vector<TurnId> previous = journal.newest_turns(filter);
  filter.session.reset();
  filter.user = message.user;
  auto turns = past_turns(journal, filter, message.claim.ranges);
  std::erase_if(turns, [&](const PastTurn& turn) { return turn.asked == request.text; });  // said before: no advice
  credit(journal, find_turn(message.claim, turns, previous.empty() ? TurnId{} : previous[0]), search.threshold, found);
  complete(journal, request, found);
  return found;
}

}  // namespace clawrl
