#pragma once
// Explicit feedback as the journal keeps it: one row per credited turn.

#include <cstdint>
#include <optional>
#include <string>

#include "core/ids.hpp"

namespace clawrl {

/// Example: {"fb-1", key "alice", turn 12, revision 1, score -1, text "too long", outcome ""}: not judged yet.
/// The verdict that comes of it has the same turn and revision.
struct FeedbackRecord {
  std::string id;             // the client's, or made from the content; unique per key and turn
  std::string key, user;      // as on the turn
  std::string session;        // the turn's session key
  TurnId turn;                // may not be in the journal (yet): a turn that is being generated
  std::int32_t revision = 1;  // 1, 2, ... of the turn; 0 is the PRM's
  double created_s = 0;       // Unix seconds
  double withdrawn_s = 0;     // 0 = it stands
  std::string outcome;        // what became of it: empty = open; sampled, withdrawn, or why it is not learned from
  std::string hint, fault;    // redacted like the text; columns, so that older journals go on
  std::int8_t severity = 0;   // of the error, 1 to 3; 0 = not said
  // In the record:
  std::optional<double> score;      // -1..1
  std::string text, correction;     // redacted where the privacy settings say so
  std::string source = "feedback";  // feedback = the endpoint, message = a chat message that spoke of the turn
  double confidence = 1;            // that this turn was meant
  bool stands() const { return withdrawn_s == 0; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, score, text, correction, source, confidence);
  }
};

}  // namespace clawrl
