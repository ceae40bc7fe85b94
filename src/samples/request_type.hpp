#pragma once
// What a request asks for: the running baseline (and whatever reports learning) keeps different kinds of work apart.
//
// From the conversation's tools and a word list over the last user message, no model: the type of a turn is a function
// of its record alone, so a replayed journal gives the same types. Wrong guesses cost a little variance, nothing else.

#include <string>
#include <vector>

#include "core/turn.hpp"

namespace clawrl {

/// One of code, math, writing, question, chat by the words of the last user message (its first 200 words; code fences,
/// arithmetic signs and a question mark count as words), or step when a tool's result is what the reply answers; with
/// "+tools" when the request offered tools. Examples: "math", "code+tools", "step+tools".
/// The kind with the most marks wins; ties go to the one named first above; no mark at all is chat.
std::string request_type(const std::vector<Message>& messages, bool tools);
std::string request_type(const Turn& turn);

/// The turn's place in its episode: replies of the policy since the user's newest words, so 0 for an answer to them, 1
/// for the reply to the first tool result. At most 15.
int episode_step(const Turn& turn);

/// The kind alone, for a text.
std::string request_kind(const std::string& text);

}  // namespace clawrl
