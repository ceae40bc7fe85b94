#include "demo/judge_case.hpp"

#include <algorithm>
#include <sstream>

#include "demo/reply.hpp"

namespace clawrl::demo {

int severity_of(int verdict, const std::vector<Wish>& wishes) {
  if (verdict >= 0) return 0;
  return wishes.empty() ? 3 : std::min(static_cast<int>(wishes.size()), 3);
}

std::string quoted_fault(const JudgeCase& judged) {
  if (judged.verdict >= 0) return {};
  const std::string shown = keep_ends(judged.turn.reply, JudgePromptLimits{}.reply_words);
  std::istringstream from(std::string(from_first_fault(shown, judged.wishes)));
  std::string first, second;
  from >> first;
  return first.size() == 1 && from >> second ? first + " " + second : first;  // "I" is everywhere, "I would" is not
}

std::string vote_answer(const JudgeCase& judged, const JudgePromptStyle& style) {
  std::string answer;
  const int severity = severity_of(judged.verdict, judged.wishes);
  if (style.severity && severity > 0) answer = "[SEVERITY: " + std::to_string(severity) + "] ";
  const std::string fault = style.fault ? quoted_fault(judged) : "";
  if (!fault.empty()) answer += "[FAULT_START]" + fault + "[FAULT_END] ";
  return answer + "\\boxed{" + std::to_string(judged.verdict) + "}";
}

std::string hint_answer(const std::vector<Wish>& wishes) {
  return wishes.empty() ? "\\boxed{0}" : "[HINT_START]" + joined_hints(wishes) + "[HINT_END]";
}

}  // namespace clawrl::demo
