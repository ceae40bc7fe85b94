#include "prm/judge_prompt.hpp"

#include <string_view>

#include "core/answer_marks.hpp"

namespace clawrl {
namespace {

constexpr std::size_t kLongestWord = 32;  // bytes

/// Self-analysis: the reply is the reader's own.
constexpr const char* kSelfVote =
    "Judge the reply that you gave earlier by what came next. Be honest about your own mistakes.";
constexpr const char* kSelfHint = "Learn from the reply that you gave earlier and from what came next.";

struct Span {
  std::size_t begin, end;
};

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}
bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

std::vector<Span> split_words(std::string_view text) {
  std::vector<Span> words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end]) && (end - at < kLongestWord || continues_character(text[end])))
      ++end;
    words.push_back({at, end});
    at = end;
  }
  return words;
}

void break_up(std::string& text, std::string_view mark) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) text.insert(at + 1, 1, ' ');
}

/// Marks that mean something to us, to a chat template or to a reasoning model.
constexpr std::string_view kMarks[] = {"<<",           ">>",      "<|",     "[INST]", "[/INST]",
                                       "<think",       "</think", "<s>",    "</s>",   "<start_of_turn",
                                       "<end_of_turn", "<tool_",  "</tool_"};

std::string block(const std::string& text, int words) {
  std::string kept = keep_ends(text, words);
  for (auto mark : kMarks) break_up(kept, mark);
  for (auto mark : answer_marks) break_up(kept, mark);
  for (auto at = find_vote(kept); at != std::string::npos; at = find_vote(kept, at)) kept.insert(at + 1, 1, ' ');
  if (!kept.empty() && kept.front() == '<') kept.insert(0, 1, ' ');  // would lengthen the opening bracket
  if (!kept.empty() && kept.back() == '>') kept += ' ';
  return std::string("<<").append(kept).append(">>");
}

std::vector<Message> prompt(const std::string& instruction, const JudgedTurn& turn, const JudgePromptLimits& limits,
                            const std::string& question) {
  std::string next = "Next";
  if (!turn.next_role.empty() && turn.next_role != "user") next += " (" + turn.next_role + ")";
  Message system, user;
  system.role = "system";
  system.text = instruction;
  user.role = "user";
  user.text = "Task: " + block(turn.task, limits.task_words) + "\nReply: " + block(turn.reply, limits.reply_words) +
              "\n" + next + ": " + block(turn.next_state, limits.next_words) + "\n" + question;
  return {system, user};
}

}  // namespace

std::string keep_ends(const std::string& text, int words) {
  const auto spans = split_words(text);
  if (spans.empty() || words < 1) return {};
  const auto limit = static_cast<std::size_t>(words);
  if (spans.size() <= limit) return text.substr(spans.front().begin, spans.back().end - spans.front().begin);
  const std::size_t head = (limit + 1) / 2, tail = limit / 2;
  std::string kept = text.substr(spans.front().begin, spans[head - 1].end - spans.front().begin) + " [...]";
  if (tail > 0) {
    const auto begin = spans[spans.size() - tail].begin;
    kept += ' ';
    kept.append(text, begin, spans.back().end - begin);
  }
  return kept;
}

std::vector<Message> vote_prompt(const JudgedTurn& turn, const JudgePromptLimits& limits,
                                 const JudgePromptStyle& style) {
  std::string question = style.self ? "Does the next message show that your reply was good? Say first what went wrong. "
                                    : "Does the next message show that the reply was good? ";
  if (style.severity)
    question += "If not, grade the error: [SEVERITY: 1] slight, [SEVERITY: 2] or [SEVERITY: 3] grave. ";
  if (style.fault)
    question += "If not, quote the words of the reply where it went wrong: [FAULT_START]...[FAULT_END]. ";
  return prompt(style.self ? kSelfVote : "Judge the reply by the user's next message.", turn, limits,
                question + "End with \\boxed{1}, \\boxed{-1} or \\boxed{0}.");
}

std::vector<Message> hint_prompt(const JudgedTurn& turn, const JudgePromptLimits& limits,
                                 const JudgePromptStyle& style) {
  if (style.self)
    return prompt(kSelfHint, turn, limits,
                  "What should you have done differently? Answer with one instruction to yourself, "
                  "[HINT_START]...[HINT_END], or with \\boxed{0} if nothing.");
  return prompt("Extract the user's wish.", turn, limits,
                "How should the reply have been? Answer [HINT_START]...[HINT_END] or \\boxed{0}.");
}

std::vector<Message> without_system(std::vector<Message> messages) {
  if (messages.size() < 2 || messages[0].role != "system") return messages;
  messages[1].text = messages[0].text + "\n\n" + messages[1].text;
  messages.erase(messages.begin());
  return messages;
}

JudgedTurn judged_turn(const Turn& turn) {
  JudgedTurn judged;
  for (const auto& message : turn.messages)
    if (message.role == "user") judged.task = message.text;
  judged.reply = turn.reply;
  for (const auto& message : turn.next_state) {
    if (judged.next_role.empty()) judged.next_role = message.role;
    if (!judged.next_state.empty()) judged.next_state += '\n';
    judged.next_state += message.text;
  }
  return judged;
}

}  // namespace clawrl
