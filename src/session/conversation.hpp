#pragma once
// A conversation as fingerprints: what a client sends again with every request, in a form that survives what clients
// change on the way.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.hpp"

namespace clawrl {

using Fingerprint = std::uint64_t;

Fingerprint mix(Fingerprint a, Fingerprint b);
Fingerprint fingerprint(std::string_view text);

/// Where an assistant message stands among the messages of a request.
struct Place {
  std::size_t at = 0;              // index of the message
  Fingerprint before = 0;          // of all messages before it
  Fingerprint after = 0;           // the same with it
  Fingerprint exchange = 0;        // of its run and the messages since the reply before; 0 if there are none
  Fingerprint reply = 0;           // of its run alone; 0 if it is too short to tell
  std::vector<Fingerprint> calls;  // one per tool call with an id
};

/// Replies with nothing between them that counts: OpenClaw sends them back as one message.
struct ReplyRun {
  Fingerprint before = 0;            // of all messages before the first
  Fingerprint asked = 0;             // of the messages since the reply before that; 0 if there are none
  Fingerprint words = 0, calls = 0;  // of the replies so far
  std::size_t bytes = 0;             // of their words
};

/// All fingerprints are of one scope: a session or, where no session is stated, a key. Client text, reports
/// (client_text.hpp) and system messages do not count; of replies count the words without thoughts, and the calls by
/// name and canonical arguments. Ids of calls lose what is no letter or digit, as clients strip it.
struct Conversation {
  std::vector<Place> places;
  Fingerprint whole = 0;   // of all messages: the question that the next reply answers
  Fingerprint system = 0;  // of the system messages
  ReplyRun run;            // that the next reply goes on
};

/// `key`: the scope of call ids, which are unique among all conversations of a key.
Conversation read_conversation(const std::vector<Message>& messages, Fingerprint scope, Fingerprint key);

/// What a conversation looks like when this reply stands in it: as the client got it, and as the model wrote it
/// (`raw`).
std::vector<Place> places_of_reply(const Conversation& question, Fingerprint scope, Fingerprint key,
                                   const Message& reply, const std::string& raw);

/// What followed the reply at index `at`, up to the next one: cleaned, reports too, without client text and system
/// messages.
std::vector<Message> next_state(const std::vector<Message>& messages, std::size_t at);

/// Of the messages that next_state() gives; 0 if there are none.
Fingerprint fingerprint(const std::vector<Message>& next_state);

}  // namespace clawrl
