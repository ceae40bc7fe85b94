#pragma once
// A turn that a judge is asked about, with the right answers in the words in which it should give them.

#include <string>
#include <vector>

#include "demo/style.hpp"
#include "prm/judge_prompt.hpp"

namespace clawrl::demo {

struct JudgeCase {
  JudgedTurn turn;
  int verdict = 0;           // +1, 0, -1
  std::vector<Wish> wishes;  // what the hint should say; empty = no hint
};

/// How grave an error is, 1 to 3: the number of wishes complained of, 3 where the user could make nothing of the reply.
/// 0 = no complaint.
int severity_of(int verdict, const std::vector<Wish>& wishes);

/// The first word of the first fault of the reply as the judge sees it, two where that is one letter. Empty where
/// nothing is complained of, where what the user wants is missing rather than wrong, and where the fault is in the part
/// cut away.
std::string quoted_fault(const JudgeCase& judged);

/// The answer that a vote should give: grade and quote as far as `style` asks for them and they are there, and the box.
std::string vote_answer(const JudgeCase& judged, const JudgePromptStyle& style);

/// The answer that a hint extraction should give: "[HINT_START]...[HINT_END]", or "\boxed{0}" without wishes.
std::string hint_answer(const std::vector<Wish>& wishes);

}  // namespace clawrl::demo
