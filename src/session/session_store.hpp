#pragma once
// Which earlier turn does a request answer? Keeps, per session, the turns whose next state is not known yet.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/turn.hpp"

namespace clawrl {

/// A turn whose next state has just become known.
struct LinkedTurn {
  TurnId id;
  std::vector<Message> next_state;  // messages after the reply, up to the next assistant message
};

/// Not thread-safe: the head thread owns it. Times are seconds of one monotonic clock.
/// A turn is open from answered() until it is linked, its session ends, or it is evicted at the bound.
class SessionStore {
 public:
  /// `idle_s`: a session without traffic for so long is over. `max_open`: open turns over all sessions; above it the
  /// sessions that were quiet longest end early (expire() returns their turns).
  explicit SessionStore(double idle_s, std::size_t max_open = 100'000) : idle_s_(idle_s), max_open_(max_open) {}

  /// A request arrived: closes and returns every open turn of the session that it continues, i.e. whose reply stands
  /// in the request at the turn's place, after the same message. Replies that did not live on stay open. A reply is the
  /// same if its text is (white space at the ends aside; as the model wrote it or taken apart) and its calls are: by
  /// name and arguments as JSON. Equal ids of all calls are enough.
  std::vector<LinkedTurn> link(const std::string& session, const std::vector<Message>& request, double now);

  /// Index of the session's next turn: 0, 1, ...
  std::int32_t next_index(const std::string& session, double now);

  /// The reply of a turn was sent in full.
  void answered(const Turn& turn, double now);

  /// Ends a session; returns its open turns.
  std::vector<TurnId> end(const std::string& session);

  /// Ends the sessions that were idle for idle_s; returns their open turns.
  std::vector<TurnId> expire(double now);

  std::size_t sessions() const { return sessions_.size(); }
  std::size_t open_turns() const { return open_; }

 private:
  struct OpenTurn {
    TurnId id;
    std::size_t place = 0;  // index of the reply among the messages
    std::string asked;      // text of the message before the reply
    std::string reply;      // trimmed, as the model wrote it
    Message message;        // the same taken apart, text trimmed
  };
  struct Session {
    std::int32_t turns = 0;
    double last_seen = 0;
    std::vector<OpenTurn> open;
  };
  Session& touch(const std::string& session, double now);

  double idle_s_;
  std::size_t max_open_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, Session> sessions_;
};

}  // namespace clawrl
