#pragma once
// What the judge model is asked. The corpus generator writes its training documents with these same functions, so the
// wording below is part of the judge: change it and the judge must be trained again.

#include <string>
#include <vector>

#include "core/message.hpp"
#include "core/turn.hpp"

namespace clawrl {

/// What the judge sees of a turn.
struct JudgedTurn {
  std::string task;        // last user message before the reply
  std::string reply;       // text of the completion
  std::string next_state;  // what followed
  std::string next_role;   // user, tool, ...: who said it
};

/// Longest part in words; a run of more than 32 bytes without white space counts as one word per 32 bytes. What is cut
/// away is the middle: half of the words stay at the head, half at the tail, with " [...] " between.
struct JudgePromptLimits {
  int task_words = 12;
  int reply_words = 24;
  int next_words = 80;
};

/// Who is asked, and what besides the vote. The demo judge knows all of these wordings.
struct JudgePromptStyle {
  bool self = false;      // the policy is asked about its own reply
  bool severity = false;  // a grade of the error, see parse_severity()
  bool fault = false;     // where in the reply it began, see parse_fault()
};

/// A system and a user message; instruction and question are ours, word for word. What others wrote (task, reply, next
/// state) stands in << >> blocks: those brackets, the marks of answers ("[HINT_", "[SEVERITY", "[FAULT_", a box with a
/// vote in it), of chat templates and of thoughts are broken up by a space inside them, so that no part can close its
/// block, end the message or pose as an answer.
std::vector<Message> vote_prompt(const JudgedTurn& turn, const JudgePromptLimits& limits = {},
                                 const JudgePromptStyle& style = {});
std::vector<Message> hint_prompt(const JudgedTurn& turn, const JudgePromptLimits& limits = {},
                                 const JudgePromptStyle& style = {});

/// The same for a chat template without system messages: the instruction begins the user's.
std::vector<Message> without_system(std::vector<Message> messages);

/// The judge's view of a turn. next_state: texts of Turn::next_state, one per line; next_role: role of the first.
JudgedTurn judged_turn(const Turn& turn);

/// Head and tail of a text as in JudgePromptLimits; white space at both ends is dropped.
std::string keep_ends(const std::string& text, int words);

}  // namespace clawrl
