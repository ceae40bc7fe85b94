#pragma once
// Homework: one-step word problems with small numbers.

#include <string>

#include "demo/split.hpp"

namespace clawrl::demo {

struct Problem {
  std::string text;        // what the user asks
  std::string first_name;  // who it is about
  std::string object;      // "red apples"
  std::string noun;        // "apples"
  int start = 0, change = 0, answer = 0;
  bool adds = true;
};

/// First and last name, a combination of the split.
Pair make_name(Random& random, Split split);

/// Names, objects and actions are combinations of the split; the number facts (2..18) are all seen in training.
Problem make_problem(Random& random, Split split);

}  // namespace clawrl::demo
