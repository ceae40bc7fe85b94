#pragma once
// The turns that requests may go on from, found by what the conversation looked like around them.

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/turn.hpp"
#include "session/conversation.hpp"

namespace clawrl {

//   writing -> open -> linked            the reply is being written; sent; its next state is known
//                `---> over -> linked    its session has ended; a late next state still counts
struct TrackedTurn {
  enum class State : std::uint8_t { writing, open, linked, over };
  /// A request that went on from this turn before its reply was known to be sent.
  static constexpr std::size_t most_early = 4;
  struct Early {
    Fingerprint after = 0;
    std::vector<Message> next_state;
  };

  TurnId id;
  std::string session;
  Fingerprint scope = 0;
  std::int32_t index = 0;  // within the session; the choices of one request share it
  State state = State::writing;
  bool learned = true;                // false: kept on record only, nobody waits for its end
  Conversation question;              // its places are empty
  std::size_t depth = 0;              // replies that the question holds
  TurnId parent;                      // the turn whose reply is the last in the question; 0 = none
  std::int64_t began = 0, ended = 0;  // in the store's order of events
  Fingerprint next = 0;               // of the next state, once linked
  bool retry_expected = false;        // the request that linked it came to nothing
  std::array<Fingerprint, 3> weak{};  // client request id, prompt cache key, user; 0 = not given
  std::vector<Early> early;           // at most most_early
  std::vector<Fingerprint> entries;   // where the index has it
};

bool one_session(const std::vector<TrackedTurn*>& turns);

/// Kinds of entries that do not meet even where their fingerprints do.
enum class Look : std::uint8_t { question, after, exchange, call, reply };

/// Not thread-safe.
class TurnIndex {
 public:
  static constexpr std::size_t most_alike = 256;  // turns per fingerprint; of more alike the oldest are forgotten

  TrackedTurn& add(TrackedTurn turn);  // entered by its question
  void enter(TrackedTurn& turn, Look look, Fingerprint print);
  void remove(TurnId id);
  TrackedTurn* find(TurnId id);
  /// In order of entry, oldest first.
  std::vector<TrackedTurn*> find(Look look, Fingerprint print);
  std::size_t size() const { return turns_.size(); }

 private:
  std::unordered_map<TurnId, TrackedTurn> turns_;
  std::unordered_map<Fingerprint, std::vector<TurnId>> entries_;
};

}  // namespace clawrl
