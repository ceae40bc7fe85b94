#pragma once
// What users ask for: a problem's solution, a pupil's answer graded, or a comment to the pupil who gave it.

#include <string>

#include "demo/problem.hpp"

namespace clawrl::demo {

enum class TaskKind { solution, grading, comment };
inline constexpr int task_kind_count = 3;

struct Task {
  TaskKind kind = TaskKind::solution;
  Problem problem;
  std::string pupil;  // first name of who answered; not of a solution
  int claimed = 0;    // the pupil's answer, right in half of the tasks
  std::string text;   // what the user asks
};

/// Pupils' names and requests are combinations of the split, like everything in the problem.
Task make_task(Random& random, Split split, TaskKind kind);
inline TaskKind random_kind(Random& random) {
  return static_cast<TaskKind>(random.below(task_kind_count));
}

}  // namespace clawrl::demo
