#pragma once
// Which conversation does a request belong to, and which earlier turns does it answer?

#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "session/request_claim.hpp"
#include "session/turn_index.hpp"

namespace clawrl {

/// A turn whose next state has just become known.
struct LinkedTurn {
  TurnId id;
  std::vector<Message> next_state;  // messages after the reply, up to the next assistant message; never empty
  bool late = false;                // its session had ended before
};

/// A turn that was open when its session ended.
struct EndedTurn {
  TurnId id;
  bool superseded = false;  // the conversation went on from another reply
  bool operator==(const EndedTurn&) const = default;
};

/// Where a request belongs.
struct Placement {
  std::string session;             // name in the journal
  std::int32_t index = 0;          // of the turn that answers it: 0, 1, ... within the session
  std::vector<LinkedTurn> linked;  // earlier turns that it answers
};

struct SessionLimits {
  double idle_s = 1800;       // a session without a request for so long has ended; a late one still finds its turns
  double remember_s = 86400;  // after so long nothing of it is known
  std::size_t max_open = 100'000;   // open turns; above it the sessions that were quiet longest end early
  std::size_t max_turns = 200'000;  // turns and sessions kept in all; above it those that were quiet longest go
};

/// Not thread-safe: the head thread owns it. Times are seconds of one monotonic clock. Only main turns come here.
///
/// A request belongs to the session that it states (stated_session()); else to that of the turn it goes on from: the
/// longest prefix that is stored for its key, other ids deciding between equals; else to a new one, which is named
/// after the client's request id or cache key if no conversation had it before, or "request-<turn>".
///
/// It answers each open turn of its session whose reply stands in it: after the same messages, or with the same tool
/// call ids, or (within a stated session, whose history may have been summarised or edited before that point) after
/// the same messages since the reply before. A reply that stands there already counts for nothing else.
class SessionStore {
 public:
  explicit SessionStore(SessionLimits limits = {}) : limits_(limits) {}

  /// The main turn `id` begins with this request.
  Placement place(const RequestClaim& claim, TurnId id, double now);

  /// The reply of a turn was sent in full. A turn that place() has not seen (a further choice of a request, or one from
  /// before a restart) is entered. Returns it at once if a request has gone on from it already.
  std::optional<LinkedTurn> answered(const Turn& turn, double now);

  /// The turn came to nothing: half a reply is never gone on from.
  void aborted(TurnId id);

  /// A turn from before a restart, as the journal has it: open, ended or already gone on from.
  void restore(const Turn& turn, double now);

  /// A session had so many turns before this process started.
  void resume_index(const std::string& session, std::int32_t turns, double now);

  /// Ends a session; returns its open turns, ascending. Later requests of that name begin anew.
  std::vector<EndedTurn> end(const std::string& session);

  /// Ends the sessions that were idle for idle_s and forgets what is beyond the limits; returns their open turns.
  std::vector<EndedTurn> expire(double now);

  std::size_t sessions() const { return alive_.size(); }
  std::size_t open_turns() const { return open_; }
  std::size_t kept_turns() const { return index_.size(); }

 private:
  struct Session {
    std::string name;
    Fingerprint scope = 0;
    std::int32_t turns = 0;
    double last_seen = 0;
    bool alive = true;
    bool resumed = false;  // from before a restart: whether its client states it is not known
    std::vector<TurnId> kept;
    std::vector<Fingerprint> weak_ids;    // that it is known by
    std::list<Session*>::iterator place;  // in alive_ or quiet_
  };
  struct WeakId {
    std::string session;
    Fingerprint opening = 0;  // question of its first request
    bool shared = false;      // by several conversations
  };
  struct Anchor {
    std::size_t place;
    TurnId turn;
  };
  struct Links {
    std::vector<LinkedTurn> linked;
    TurnId parent;  // whose reply is the last in the request; 0 = none
  };
  using Candidates = std::vector<TrackedTurn*>;

  Session& touch(const std::string& name, Fingerprint scope, double now);
  TrackedTurn& track(Session& session, TrackedTurn turn);
  TrackedTurn& enter(const Turn& turn, double now);
  void forget(Session& session);
  void end_session(Session& session, std::vector<EndedTurn>& ended);
  bool superseded(const TrackedTurn& turn, const Session& session);
  // session_links.cpp
  Candidates standing_at(const Place& place, const std::string& session);
  std::optional<Anchor> anchor(const std::vector<Message>& messages, const Conversation& read,
                               const TrackedTurn& asking);
  Candidates being_written(const Conversation& read, const std::optional<Anchor>& anchor);
  std::string unstated_session(const RequestClaim& claim, const TrackedTurn& asking, bool opening);
  Links link(const std::vector<Message>& messages, const Conversation& read, const std::optional<Anchor>& anchor,
             const std::string& session);
  LinkedTurn close(TrackedTurn& turn, std::vector<Message> next_state);

  SessionLimits limits_;
  TurnIndex index_;
  std::size_t open_ = 0;
  std::int64_t events_ = 0;
  std::unordered_map<std::string, Session> sessions_;
  std::list<Session*> alive_, quiet_;  // quiet longest first
  std::unordered_map<Fingerprint, WeakId> weak_ids_;
};

}  // namespace clawrl
