#pragma once
// What a client program writes between the user's words: recognised, so that only the words count.

#include <string>
#include <string_view>
#include <vector>

#include "core/message.hpp"

namespace clawrl {

/// The words of a user message: without blocks of internal context (OpenClaw's carriers), the wrapper of a message that
/// is sent again ("[Queued user message from a previous active turn ...]"), prompts to try again ("The previous attempt
/// did not produce a user-visible answer. ..."), what a reply gave to sessions_yield, the date in front ("[Fri
/// 2026-11-20 23:32 UTC] "), the Runtime line and the lines that tell of another session ("[Inter-session message]
/// ..."). White space at both ends goes too. Any bytes are allowed.
std::string user_words(std::string_view text);

/// Of them, those that a client still sends with later requests: what a wrapper repeats of an unanswered message goes
/// once something else is said ("[Queued ...]\nold\n\nnew" is "new" from then on).
std::string lasting_words(std::string_view text);

/// What a client program reports in the user's name: OpenClaw, that a sub-agent has ended. Nobody said it, but it is
/// what followed a reply; later requests leave it out or word its beginning anew.
bool is_report(const Message& message);

/// The task that OpenClaw gives a sub-agent: a conversation of its own begins, also where its parent's stands before
/// it.
bool is_subagent_task(const Message& message);

/// The same message with user_words(), a report in the role "tool"; others than the user's keep their text.
Message cleaned(const Message& message);

/// Nothing but a client program's own text, e.g. a carrier: no message of the conversation. A message that was empty
/// from the start is one.
bool is_client_text(const Message& message);

/// Does a user speak? Neither a client's own text nor a report.
bool is_users(const Message& message);

/// What a request is about, also when tool results or the client's own texts follow; empty when no user said anything.
std::string newest_user_words(const std::vector<Message>& messages);

/// Does the request carry OpenClaw's marks: its system prompt, a carrier or a Runtime line?
bool is_openclaw(const std::vector<Message>& messages);

struct RuntimeLine {
  std::string session_id;  // sessionId=
  std::string session;     // session=, e.g. "agent:main:main"
};

/// OpenClaw's line "Runtime: agent=main | session=agent:main:main | sessionId=<uuid> | host=... | model=..." in the
/// system prompt or at the end of the first user message; fields that are missing stay empty.
RuntimeLine runtime_line(const std::vector<Message>& messages);

/// Text without white space at its ends.
std::string_view trimmed(std::string_view text);

}  // namespace clawrl
