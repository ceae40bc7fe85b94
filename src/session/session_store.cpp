#include "session/session_store.hpp"

#include <algorithm>

namespace clawrl {
namespace {

constexpr std::size_t most_per_session = 2048;  // turns kept; then the oldest that are not open go

Fingerprint scope_of_session(const std::string& name) {
  return mix(fingerprint("session"), fingerprint(name));
}

Fingerprint scope_of_key(const std::string& key) {
  return mix(fingerprint("key"), fingerprint(key));
}

Fingerprint weak_print(Fingerprint scope, std::string_view kind, const std::string& id) {
  return id.empty() ? 0 : mix(mix(scope, fingerprint(kind)), fingerprint(id));
}

}  // namespace

SessionStore::Session& SessionStore::touch(const std::string& name, Fingerprint scope, double now) {
  const auto [found, fresh] = sessions_.try_emplace(name);
  Session& session = found->second;
  if (fresh) {
    session.name = name;
    session.scope = scope;
    session.place = alive_.insert(alive_.end(), &session);
  } else {
    alive_.splice(alive_.end(), session.alive ? alive_ : quiet_, session.place);
  }
  session.alive = true;
  session.last_seen = std::max(session.last_seen, now);
  return session;
}

TrackedTurn& SessionStore::track(Session& session, TrackedTurn turn) {
  if (session.kept.size() >= most_per_session) {
    const auto closed = std::find_if(session.kept.begin(), session.kept.end(), [&](TurnId id) {
      const TrackedTurn* kept = index_.find(id);
      return !kept || kept->state == TrackedTurn::State::linked || kept->state == TrackedTurn::State::over;
    });
    if (closed != session.kept.end()) {
      index_.remove(*closed);
      session.kept.erase(closed);
    }
  }
  session.kept.push_back(turn.id);
  return index_.add(std::move(turn));
}

Placement SessionStore::place(const RequestClaim& claim, TurnId id, double now) {
  const std::string stated = stated_session(claim);
  TrackedTurn asking;
  asking.id = id;
  asking.began = ++events_;
  if (!stated.empty()) asking.session = session_name(claim.key, stated);
  asking.scope = stated.empty() ? scope_of_key(claim.key) : scope_of_session(asking.session);
  asking.weak = {weak_print(asking.scope, "request", claim.client_request_id),
                 weak_print(asking.scope, "cache", claim.prompt_cache_key),
                 weak_print(asking.scope, "user", claim.user)};
  const Conversation read = read_conversation(claim.messages, asking.scope, scope_of_key(claim.key));
  asking.question = {{}, read.whole, read.system, read.run};
  asking.depth = read.places.size();
  const std::optional<Anchor> at = anchor(claim.messages, read, asking);
  const Candidates written = being_written(read, at);
  if (stated.empty()) {
    if (at)
      asking.session = index_.find(at->turn)->session;
    else if (!written.empty() && one_session(written))
      asking.session = written.back()->session;
    else
      asking.session = unstated_session(claim, asking, read.places.empty());
  }
  if (asking.session.empty()) asking.session = session_name(claim.key, own_session(id));
  Session& session = touch(asking.session, asking.scope, now);
  if (session.scope == 0) session.scope = asking.scope;  // known from before a restart
  Placement placement{session.name, session.turns++, {}};
  asking.index = placement.index;
  if (stated.empty())
    for (std::size_t i = 0; i < 2; ++i)
      if (asking.weak[i] != 0 && weak_ids_.try_emplace(asking.weak[i], WeakId{session.name, read.whole, false}).second)
        session.weak_ids.push_back(asking.weak[i]);
  Links links = link(claim.messages, read, at, session.name);
  placement.linked = std::move(links.linked);
  asking.parent = links.parent;
  for (TrackedTurn* turn : written) {
    if (turn->session == session.name) asking.parent = turn->id;
    if (turn->early.size() < TrackedTurn::most_early)
      turn->early.push_back({read.places.back().after, next_state(claim.messages, read.places.back().at)});
  }
  if (TrackedTurn* parent = index_.find(asking.parent)) parent->retry_expected = false;
  track(session, std::move(asking));
  return placement;
}

/// A turn that place() has not seen.
TrackedTurn& SessionStore::enter(const Turn& turn, double now) {
  const auto known = sessions_.find(turn.session);
  const bool fresh = known == sessions_.end() || known->second.resumed;
  const Fingerprint by_key = scope_of_key(turn.key);
  const bool unnamed = turn.session.find("request-") != std::string::npos;
  const Fingerprint scope = !fresh ? known->second.scope : unnamed ? by_key : scope_of_session(turn.session);
  Session& session = touch(turn.session, scope, now);
  session.scope = scope;
  session.resumed = fresh;
  session.turns = std::max(session.turns, turn.index + 1);
  TrackedTurn entered;
  entered.id = turn.id;
  entered.session = turn.session;
  entered.scope = scope;
  entered.index = turn.index;
  entered.began = ++events_;
  entered.weak[2] = weak_print(scope, "user", turn.user);
  entered.question = read_conversation(turn.messages, scope, by_key);
  entered.depth = entered.question.places.size();
  entered.question.places.clear();
  TrackedTurn& tracked = track(session, std::move(entered));
  if (!fresh || scope == by_key) return tracked;
  // Whether the client states the session cannot be told any more: it is found in both ways.
  const Conversation read = read_conversation(turn.messages, by_key, by_key);
  for (const Place& place : places_of_reply(read, by_key, by_key, turn.reply_message, turn.reply))
    index_.enter(tracked, Look::after, place.after);
  return tracked;
}

std::optional<LinkedTurn> SessionStore::answered(const Turn& turn, double now) {
  TrackedTurn* known = index_.find(turn.id);
  TrackedTurn& tracked = known ? *known : enter(turn, now);
  touch(tracked.session, tracked.scope, now);
  tracked.state = TrackedTurn::State::open;
  tracked.ended = ++events_;
  tracked.learned = turn.state != TurnState::excluded;
  ++open_;
  std::optional<std::vector<Message>> next;
  for (const Place& place :
       places_of_reply(tracked.question, tracked.scope, scope_of_key(turn.key), turn.reply_message, turn.reply)) {
    index_.enter(tracked, Look::after, place.after);
    if (place.exchange != 0) index_.enter(tracked, Look::exchange, place.exchange);
    if (place.reply != 0) index_.enter(tracked, Look::reply, place.reply);
    for (const Fingerprint call : place.calls) index_.enter(tracked, Look::call, call);
    for (const TrackedTurn::Early& early : tracked.early)
      if (!next && early.after == place.after && !early.next_state.empty()) next = early.next_state;
  }
  tracked.early.clear();
  if (!next) return std::nullopt;
  return close(tracked, std::move(*next));
}

void SessionStore::restore(const Turn& turn, double now) {
  if (index_.find(turn.id)) return;
  answered(turn, now);
  TrackedTurn& tracked = *index_.find(turn.id);
  if (!turn.next_state.empty()) {
    close(tracked, turn.next_state);
  } else if (turn.state != TurnState::answered && tracked.state == TrackedTurn::State::open) {
    tracked.state = TrackedTurn::State::over;
    --open_;
  }
}

void SessionStore::aborted(TurnId id) {
  const TrackedTurn* turn = index_.find(id);
  if (!turn || turn->state != TrackedTurn::State::writing) return;
  if (TrackedTurn* parent = index_.find(turn->parent)) parent->retry_expected = true;
  const auto session = sessions_.find(turn->session);
  if (session != sessions_.end()) std::erase(session->second.kept, id);
  index_.remove(id);
}

void SessionStore::resume_index(const std::string& session, std::int32_t turns, double now) {
  Session& known = touch(session, 0, now);
  known.turns = std::max(known.turns, turns);
  known.resumed = true;
}

bool SessionStore::superseded(const TrackedTurn& turn, const Session& session) {
  return std::any_of(session.kept.begin(), session.kept.end(), [&](TurnId id) {
    const TrackedTurn* other = index_.find(id);
    if (!other || other == &turn || other->ended == 0) return false;
    const bool linked = other->state == TrackedTurn::State::linked;
    if (other->question.whole == turn.question.whole)
      return linked || other->index == turn.index ||  // another choice of that request: which one lived on is unknown
             other->began > turn.began;
    return turn.parent.value != 0 && other->parent == turn.parent && other->began > turn.ended;
  });
}

void SessionStore::end_session(Session& session, std::vector<EndedTurn>& ended) {
  std::vector<TrackedTurn*> open;
  for (const TurnId id : session.kept)
    if (TrackedTurn* turn = index_.find(id); turn && turn->state == TrackedTurn::State::open) open.push_back(turn);
  for (const TrackedTurn* turn : open)
    if (turn->learned) ended.push_back({turn->id, superseded(*turn, session)});
  for (TrackedTurn* turn : open) turn->state = TrackedTurn::State::over;
  open_ -= open.size();
  if (session.alive) quiet_.splice(quiet_.end(), alive_, session.place);
  session.alive = false;
}

void SessionStore::forget(Session& session) {
  for (const TurnId id : session.kept) index_.remove(id);
  for (const Fingerprint weak : session.weak_ids) weak_ids_.erase(weak);
  (session.alive ? alive_ : quiet_).erase(session.place);
  sessions_.erase(sessions_.find(session.name));
}

std::vector<EndedTurn> SessionStore::end(const std::string& name) {
  std::vector<EndedTurn> ended;
  const auto found = sessions_.find(name);
  if (found == sessions_.end()) return ended;
  Session& session = found->second;
  end_session(session, ended);
  for (const TurnId id : session.kept) index_.remove(id);
  session.kept.clear();
  for (const Fingerprint weak : session.weak_ids) weak_ids_.erase(weak);
  session.weak_ids.clear();
  std::sort(ended.begin(), ended.end(), [](const EndedTurn& a, const EndedTurn& b) { return a.id < b.id; });
  return ended;
}

std::vector<EndedTurn> SessionStore::expire(double now) {
  std::vector<EndedTurn> ended;
  while (!alive_.empty() && (now - alive_.front()->last_seen >= limits_.idle_s || open_ > limits_.max_open))
    end_session(*alive_.front(), ended);
  const auto too_many = [&] { return std::max(index_.size(), sessions_.size()) > limits_.max_turns; };
  while (!quiet_.empty() && (now - quiet_.front()->last_seen >= limits_.remember_s || too_many()))
    forget(*quiet_.front());
  while (!alive_.empty() && too_many()) {
    Session& quietest = *alive_.front();
    end_session(quietest, ended);
    forget(quietest);
  }
  std::sort(ended.begin(), ended.end(), [](const EndedTurn& a, const EndedTurn& b) { return a.id < b.id; });
  return ended;
}

}  // namespace clawrl
