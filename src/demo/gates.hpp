#pragma once
// What the demo models must be able to do before any learning, measured on held-out text.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "demo/corpus.hpp"
#include "demo/persona.hpp"

namespace clawrl::demo {

/// Replies of a model to conversations, in order.
using GenerateFn = std::function<std::vector<std::string>(const std::vector<std::vector<Message>>& conversations,
                                                          float temperature, std::uint64_t seed)>;

/// First replies without a hint, seen by one persona. Shares.
struct StartGate {
  std::string persona;
  int tasks = 0;
  double satisfied = 0, formed = 0, correct = 0, mean_words = 0;
};

using WishShares = std::array<double, wish_count>;

struct PolicyGates {
  std::vector<StartGate> starts;                     // one per persona
  std::array<WishShares, task_kind_count> obeyed{};  // with the wish as hint
  std::array<WishShares, task_kind_count> base{};    // without any hint
  double worst_start() const;                        // the most satisfied persona's share
  double worst_formed() const;                       // the least
  double worst_correct() const;                      // likewise
  double worst_obeyed() const;
};
/// `count` tasks of each kind without a hint and `count` per kind and wish with it.
PolicyGates check_policy(const GenerateFn& generate, int count, Split split, std::uint64_t seed);

struct JudgeGates {
  std::string source;  // where the turns come from: the corpus, or the sessions of a persona
  int cases = 0;
  std::array<std::array<int, 4>, 3> verdicts{};  // [truth -1, 0, +1][said -1, 0, +1, invalid]
  int hint_cases = 0, hints_right = 0;           // complaints with wishes: exactly the right ones
  int silent_cases = 0, silent_right = 0;        // no wish to be found: no hint given
  int asked_more_right = 0;                      // verdicts right when grade and place of the error are asked for, too
  int grade_cases = 0, grades_right = 0;         // complaints
  int fault_cases = 0, faults_right = 0;         // complaints of something that stands in the reply: quoted
  int faultless_cases = 0, faultless_right = 0;  // nothing to be quoted: nothing is
  double verdict_accuracy() const;
  double asked_more_accuracy() const;
  double hint_accuracy() const { return hint_cases > 0 ? double(hints_right) / hint_cases : 0; }
};
/// Turns with the truth about them, at the judging temperature: one vote, one that is asked for grade and place of the
/// error besides, and one hint for each. self: asked as the author of the replies.
JudgeGates check_judge(const GenerateFn& judge, const std::string& source, const std::vector<JudgeCase>& cases,
                       float temperature, std::uint64_t seed, bool self = false);

/// Turns as the generator draws them, of all task kinds.
std::vector<JudgeCase> corpus_cases(int count, Split split, std::uint64_t seed);
/// Turns as the loop meets them: the policy's own first replies, the persona's words about them. In every second
/// session the policy is given the persona's wishes, so that both satisfied and dissatisfied users speak.
std::vector<JudgeCase> session_cases(const GenerateFn& policy, const Persona& persona, int count, Split split,
                                     std::uint64_t seed);

/// Over all sources the least right share of grades, of quotes and of nothing quoted; 1 where there are no cases.
double worst_blame(const std::vector<JudgeGates>& all);

std::string to_text(const PolicyGates& gates);
std::string to_text(const JudgeGates& gates);

}  // namespace clawrl::demo
