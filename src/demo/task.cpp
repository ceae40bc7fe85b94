#include "demo/task.hpp"

#include <array>

namespace clawrl::demo {
namespace {

using Words = std::string_view;

constexpr std::array grading_verbs = {Words("Grade"),  Words("Mark"),   Words("Check"),
                                      Words("Assess"), Words("Review"), Words("Rate")};
constexpr std::array grading_objects = {Words("this solution"), Words("the answer"), Words("this work"),
                                        Words("the result"), Words("this attempt")};
constexpr std::array comment_verbs = {Words("Write"), Words("Draft"), Words("Compose"), Words("Give me"),
                                      Words("Make")};
constexpr std::array comment_objects = {Words("a comment"), Words("a note"), Words("a remark"), Words("a message"),
                                        Words("a line")};

int claim(Random& random, int answer) {
  if (random.chance(0.5)) return answer;
  for (;;) {
    const int claimed = answer + random.between(-2, 2);
    if (claimed != answer && claimed >= 2 && claimed <= 18) return claimed;
  }
}

}  // namespace

Task make_task(Random& random, Split split, TaskKind kind) {
  Task task;
  task.kind = kind;
  task.problem = make_problem(random, split);
  task.text = task.problem.text;
  if (kind == TaskKind::solution) return task;
  Pair pupil = make_name(random, split);
  while (pupil.first == task.problem.first_name) pupil = make_name(random, split);
  task.pupil = pupil.first;
  task.claimed = claim(random, task.problem.answer);
  const std::string claimed = " answered " + std::to_string(task.claimed) + ".";
  if (kind == TaskKind::grading)
    task.text += " " + pupil.joined() + claimed + " " +
                 pick_pair(random, split, "grading", grading_verbs, grading_objects).joined() + ".";
  else
    task.text += " " + pick_pair(random, split, "comment", comment_verbs, comment_objects).joined() + " to " +
                 pupil.joined() + ", who" + claimed;
  return task;
}

}  // namespace clawrl::demo
