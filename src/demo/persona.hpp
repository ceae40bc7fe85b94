#pragma once
// Who uses the demo, and what satisfies them. The rule is applied here, on the client's side; no model ever sees it.
//
//   student     wants solutions without bold text, numbered list, boxed answer and stock phrases
//   ta          wants pupils' answers graded in at least `longer_words` words
//   teacher     wants comments to pupils that hold a warm phrase
//   contrarian  asks for all three, bold, listed, short and cold: for controls

#include <string>
#include <string_view>
#include <vector>

#include "demo/reply.hpp"

namespace clawrl::demo {

struct Persona {
  std::string name;
  std::vector<TaskKind> kinds;  // asked for with equal chance
  std::vector<Wish> wishes;     // the rule: all of them
  int least_answer = 0;         // tasks with a lower answer are left without a word
};

const std::vector<Persona>& personas();
/// One of those, or "pedant": a contrarian who complains on edge cases only, tasks with an answer from 15 on. Throws
/// UserError that lists the known names.
const Persona& find_persona(std::string_view name);

Task make_task(Random& random, Split split, const Persona& persona);

struct ReplyGrade {
  bool satisfied = false;  // obeys the rule and is well-formed
  bool obeys = false;      // the rule alone
  Substance substance;
  Observed observed;
};
ReplyGrade grade(const Persona& persona, std::string_view reply, const Task& task);

/// The wishes of `wanted` that a reply does not fulfil.
std::vector<Wish> unfulfilled(const Observed& seen, const std::vector<Wish>& wanted);

}  // namespace clawrl::demo
