#pragma once
// Which turns a piece of feedback speaks of, and all that the journal knows of them. Reads only.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "feedback/turn_search.hpp"
#include "frontend/chat_service.hpp"
#include "journal/journal_reader.hpp"

namespace clawrl {

struct FeedbackTarget {
  Turn turn;  // its exclusion emptied where only an earlier verdict was the reason
  bool generating = false;
  double confidence = 1;             // that this turn is meant
  std::int32_t newest_revision = 0;  // of verdicts and feedback
  bool taken = false;                // an optimiser step took a sample of it, in whatever revision
  bool judged_by_prm = false;
  std::vector<FeedbackRecord> standing;  // feedback on it that is not withdrawn, by revision
  std::optional<Verdict> fallback;       // of the newest of these that is judged, else of the PRM
};

struct FeedbackLookup {
  std::string id;                       // the feedback's: the client's or made from the content
  std::vector<FeedbackRecord> earlier;  // already on record under this id
  std::vector<FeedbackTarget> targets;
  std::optional<Verdict> verdict;  // of feedback that is taken up after a restart
  bool sampled = false;            // likewise: its sample is on record
  ChatError error;                 // counts when its message is not empty
  std::string reason;              // why there is no target
};

struct FeedbackSearch {
  double threshold = 0.6;  // confidence that a turn which was not named needs
  double now_s = 0;        // Unix seconds
};

/// `live`: the turn that is being generated under the request's name, if any. Throws UserError when the journal cannot
/// be read; what is wrong with the request is in `error`.
FeedbackLookup look_up(const JournalReader& journal, const FeedbackRequest& request, const std::optional<Turn>& live,
                       const FeedbackSearch& search);

/// A chat message that says how earlier advice turned out.
struct CreditMessage {
  TurnId turn;  // the one that answered it
  std::string key, user, session;
  double created_s = 0;  // of that turn
  CreditClaim claim;
};

/// The turn that the message speaks of, among those of its key and user before it. `request`: the message as feedback.
FeedbackLookup look_up_message(const JournalReader& journal, const FeedbackRequest& request,
                               const CreditMessage& message, const FeedbackSearch& search);

/// A turn that feedback speaks of already, as it is without the feedback of revision `without` (0 = with all).
std::optional<FeedbackTarget> look_up_target(const JournalReader& journal, TurnId turn, std::int32_t without);

/// As the journal names the session that a client states.
std::string session_of(const std::string& key, const std::string& stated);
std::string client_session(const Turn& turn);  // as the client names it

}  // namespace clawrl
