#pragma once
// What the demo models must be able to do before any learning, measured on held-out text.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "demo/corpus.hpp"

namespace clawrl::demo {

/// Replies of a model to conversations, in order.
using GenerateFn = std::function<std::vector<std::string>(const std::vector<std::vector<Message>>& conversations,
                                                          float temperature, std::uint64_t seed)>;

struct PolicyGates {
  int problems = 0;
  double satisfied = 0, formed = 0, correct = 0;    // first replies without a hint, shares
  std::array<double, wish_count> obeyed{}, base{};  // with the wish as hint; without any hint
  double worst_obeyed() const;
};
/// `count` problems without a hint and `count` per wish with it.
PolicyGates check_policy(const GenerateFn& generate, int count, Split split, std::uint64_t seed);

struct JudgeGates {
  int cases = 0;
  std::array<std::array<int, 4>, 3> verdicts{};  // [truth -1, 0, +1][said -1, 0, +1, invalid]
  int hint_cases = 0, hints_right = 0;           // complaints with wishes: exactly the right ones
  int silent_cases = 0, silent_right = 0;        // no wish to be found: no hint given
  double verdict_accuracy() const;
  double hint_accuracy() const { return hint_cases > 0 ? double(hints_right) / hint_cases : 0; }
};
/// One vote at the judging temperature and one hint for each of `count` turns.
JudgeGates check_judge(const GenerateFn& generate, int count, float temperature, Split split, std::uint64_t seed);

std::string to_text(const PolicyGates& gates);
std::string to_text(const JudgeGates& gates);

}  // namespace clawrl::demo
