#pragma once
// Held-out cases: questions with what a good reply has, in a file that anybody can write.
//
//   {"id": "sum-1", "set": "accuracy", "messages": [{"role": "user", "content": "2 and 3?"}], "must": ["\\b5\\b"]}
//   {"id": "prose-1", "set": "language", "text": "The sun rises in the east.", "max_rise": 0.1}
//   {"id": "hint-1", "set": "hint_loss", "messages": [...], "answer": "**5** it is."}
//   {"id": "wrong-1", "set": "judge", "task": "2 and 3?", "reply": "6", "next": "That is wrong.", "verdict": -1}

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.hpp"
#include "prm/judge_prompt.hpp"

namespace clawrl {

enum class HeldOutKind { reply, loss, verdict };

/// `messages`, whose reply is held to rules, or a `judged` turn, on which the evaluator's vote is to be `verdict`; or
/// words whose loss is compared with the reference's: a `text`, or an `answer` to messages or on a judged turn.
/// A reply passes when every regex of `must` and none of `must_not` is found in it and its words (parted by blanks) are
/// within the bounds (ReplyRules). Words with a loss are lost when their mean loss per token rises by more than
/// `max_rise` nats above the reference's, gained when it falls by more.
struct HeldOutCase {
  std::string id;                             // unique in its file
  std::string set;                            // free name; a version is held to each set by itself
  bool watched = false;                       // its set is scored, and no loss in it fails a version
  std::vector<Message> messages;              // system, user, assistant; the last one is the user's
  std::vector<std::string> must, must_not;    // PCRE2
  std::int32_t min_words = 0, max_words = 0;  // 0 = no bound
  std::string text;                           // scored as it stands
  std::string answer;                         // scored after the prompt instead of asking for a reply or vote
  double max_rise = 0.1;                      // nats per token
  std::optional<JudgedTurn> judged;
  std::int8_t verdict = 0;  // -1, 0, +1
  HeldOutKind kind() const {
    if (has_loss()) return HeldOutKind::loss;
    return judged ? HeldOutKind::verdict : HeldOutKind::reply;
  }
  bool has_loss() const { return !text.empty() || !answer.empty(); }
};

/// One case per line, empty lines are passed over. UserError "<path>:<line>: ..." naming the field: no JSON object, an
/// unknown field, a wrong type, no rule, a regex that does not compile, an id that was there before. A file without a
/// case is refused, too.
std::vector<HeldOutCase> read_held_out(const std::string& path);

/// UserError when the file cannot be written.
void write_held_out(const std::string& path, const std::vector<HeldOutCase>& cases);

/// At most `per_set` of each set, drawn by a hash of seed and id, in the order of `cases`: the same draw every time,
/// and a file that grows keeps most of it.
std::vector<HeldOutCase> draw_cases(const std::vector<HeldOutCase>& cases, std::int64_t per_set, std::uint64_t seed);

/// Of the reply's sampling: every version is asked with the same one.
std::uint64_t case_seed(std::string_view id, std::uint64_t seed);

}  // namespace clawrl
