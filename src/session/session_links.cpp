// Which stored turns a request goes on from.

#include <algorithm>

#include "session/session_store.hpp"

namespace clawrl {
namespace {

using State = TrackedTurn::State;
using Candidates = std::vector<TrackedTurn*>;

bool waits(const TrackedTurn& turn) {
  return turn.state == State::open || turn.state == State::over;
}

int shared_weak_ids(const TrackedTurn& a, const TrackedTurn& b) {
  int shared = 0;
  for (std::size_t i = 0; i < a.weak.size(); ++i) shared += a.weak[i] != 0 && a.weak[i] == b.weak[i];
  return shared;
}

/// Of turns that look alike, how likely is it this one that the conversation goes on from with `next`?
int likelihood(const TrackedTurn& turn, const Candidates& alike, Fingerprint next) {
  const auto went_on_so = [&](const TrackedTurn& other) { return other.state == State::linked && other.next == next; };
  if (turn.state == State::linked) return !went_on_so(turn) ? 1 : turn.retry_expected ? 5 : 2;
  // Another reply of the same session went on with just that: this request is a repetition, not this turn's answer.
  for (const TrackedTurn* other : alike)
    if (other->session == turn.session && went_on_so(*other)) return 0;
  return turn.state == State::open ? 4 : 3;
}

/// The newest of the likeliest; of several alike those of the same other ids first.
TrackedTurn* best(const Candidates& alike, Fingerprint next, const TrackedTurn* asking) {
  constexpr int ids_count_more = 10;
  TrackedTurn* chosen = nullptr;
  int most = -1;
  for (TrackedTurn* turn : alike) {
    int score = likelihood(*turn, alike, next);
    if (asking) score += ids_count_more * shared_weak_ids(*turn, *asking);
    if (score >= most) {
      chosen = turn;
      most = score;
    }
  }
  return chosen;
}

Candidates of_session(Candidates turns, const std::string& session) {
  std::erase_if(turns, [&](const TrackedTurn* turn) { return turn->session != session; });
  return turns;
}

}  // namespace

/// Turns whose reply this is: by the ids of its calls, which are certain, else by all that was said up to it. Where a
/// session is stated, of that one.
SessionStore::Candidates SessionStore::standing_at(const Place& place, const std::string& session) {
  for (const Fingerprint call : place.calls) {
    Candidates turns = index_.find(Look::call, call);
    if (!session.empty()) turns = of_session(std::move(turns), session);
    if (!turns.empty()) return turns;
  }
  return index_.find(Look::after, place.after);
}

std::optional<SessionStore::Anchor> SessionStore::anchor(const std::vector<Message>& messages, const Conversation& read,
                                                         const TrackedTurn& asking) {
  const auto next = [&](std::size_t place) { return fingerprint(next_state(messages, read.places[place].at)); };
  std::optional<Anchor> other_system;  // said alike so far, under another system prompt
  for (std::size_t i = read.places.size(); i-- > 0;) {
    const Candidates alike = standing_at(read.places[i], asking.session);
    if (alike.empty()) continue;
    Candidates same_system = alike;
    std::erase_if(same_system, [&](auto* turn) { return turn->question.system != asking.question.system; });
    if (same_system.empty()) {
      if (!other_system && one_session(alike)) other_system = {i, best(alike, next(i), &asking)->id};
      continue;
    }
    TrackedTurn* turn = best(same_system, next(i), &asking);
    const bool deeper = other_system && index_.find(other_system->turn)->session == turn->session;
    return deeper ? other_system : Anchor{i, turn->id};
  }
  if (other_system || read.places.empty()) return other_system;
  // The history before may have been cut or summarised: the last exchange stands alone, if only one session had it.
  const std::size_t last = read.places.size() - 1;
  if (read.places[last].exchange != 0) {
    const Candidates alike = index_.find(Look::exchange, read.places[last].exchange);
    if (!alike.empty() && one_session(alike)) return Anchor{last, best(alike, next(last), &asking)->id};
  }
  // Or only the reply is left of what was said: the request holds less than the turn's question did.
  if (read.places[last].reply == 0) return std::nullopt;
  Candidates alike = index_.find(Look::reply, read.places[last].reply);
  std::erase_if(alike, [&](const TrackedTurn* turn) { return !waits(*turn) || turn->depth <= last; });
  if (alike.empty() || !one_session(alike)) return std::nullopt;
  return Anchor{last, alike.back()->id};
}

/// Turns whose reply is still being written here while this request goes on from it already.
SessionStore::Candidates SessionStore::being_written(const Conversation& read, const std::optional<Anchor>& anchor) {
  if (read.places.empty() || (anchor && anchor->place + 1 == read.places.size())) return {};
  Candidates turns = index_.find(Look::question, read.places.back().before);
  std::erase_if(turns, [](const TrackedTurn* turn) { return turn->state != State::writing; });
  return turns;
}

std::string SessionStore::unstated_session(const RequestClaim& claim, const TrackedTurn& asking, bool opening) {
  if (!opening) {  // asked again, and more was said than an opening that many have in common
    const Candidates again = index_.find(Look::question, asking.question.whole);
    if (!again.empty() && one_session(again)) return again.front()->session;
  }
  std::string name;
  const std::string* const ids[] = {&claim.client_request_id, &claim.prompt_cache_key};
  for (std::size_t i = 0; i < 2; ++i) {
    if (asking.weak[i] == 0) continue;
    const auto known = weak_ids_.find(asking.weak[i]);
    if (known == weak_ids_.end()) {
      const std::string fresh = session_name(claim.key, *ids[i]);
      if (name.empty() && !sessions_.contains(fresh)) name = fresh;
      continue;
    }
    WeakId& id = known->second;
    if (!id.shared && id.opening == asking.question.whole) return id.session;
    id.shared = true;
  }
  return name;
}

SessionStore::Links SessionStore::link(const std::vector<Message>& messages, const Conversation& read,
                                       const std::optional<Anchor>& anchor, const std::string& session) {
  Links links;
  std::vector<TrackedTurn*> used;
  std::vector<bool> taken(read.places.size());
  const auto take = [&](std::size_t i, const Candidates& alike, TrackedTurn* preferred) {
    taken[i] = true;
    used.insert(used.end(), alike.begin(), alike.end());
    const bool last = i + 1 == read.places.size();
    if (!last && std::none_of(alike.begin(), alike.end(), [](const TrackedTurn* turn) { return waits(*turn); })) return;
    std::vector<Message> next = next_state(messages, read.places[i].at);
    TrackedTurn* turn = preferred ? preferred : best(alike, fingerprint(next), nullptr);
    if (last) links.parent = turn->id;
    if (!next.empty() && waits(*turn)) links.linked.push_back(close(*turn, std::move(next)));
  };
  for (std::size_t i = read.places.size(); i-- > 0;) {
    const Candidates alike = of_session(standing_at(read.places[i], session), session);
    if (!alike.empty()) take(i, alike, anchor && anchor->place == i ? index_.find(anchor->turn) : nullptr);
  }
  if (anchor && !taken[anchor->place])  // an exchange that stands alone
    take(anchor->place, {index_.find(anchor->turn)}, nullptr);
  for (std::size_t i = read.places.size(); i-- > 0;) {
    if (taken[i] || read.places[i].exchange == 0) continue;
    Candidates alike = of_session(index_.find(Look::exchange, read.places[i].exchange), session);
    std::erase_if(alike, [&](TrackedTurn* turn) { return std::find(used.begin(), used.end(), turn) != used.end(); });
    if (alike.empty()) continue;
    // The same may have been said several times; from the end on, each place takes the newest that is left.
    const Fingerprint newest = alike.back()->question.whole;
    std::erase_if(alike, [&](const TrackedTurn* turn) { return turn->question.whole != newest; });
    take(i, alike, nullptr);
  }
  std::reverse(links.linked.begin(), links.linked.end());  // oldest first
  return links;
}

LinkedTurn SessionStore::close(TrackedTurn& turn, std::vector<Message> next_state) {
  const bool late = turn.state == State::over;
  if (turn.state == State::open) --open_;
  turn.state = State::linked;
  turn.next = fingerprint(next_state);
  return {turn.id, std::move(next_state), late};
}

}  // namespace clawrl
