#include "demo/student.hpp"

#include <algorithm>

#include "demo/corpus.hpp"

namespace clawrl::demo {
namespace {

Message message(const char* role, std::string text) {
  Message m;
  m.role = role;
  m.text = std::move(text);
  return m;
}

std::string words_about(Random& random, Split split, const ReplyGrade& grade) {
  if (grade.satisfied) return praise(random, split);
  std::vector<Wish> missing = unfulfilled(grade.observed, student_wishes());
  if (missing.empty()) return confusion(random, split);
  while (missing.size() > 2) missing.erase(missing.begin() + random.below(static_cast<int>(missing.size())));
  return complaint(random, split, missing);
}

}  // namespace

const std::vector<Wish>& student_wishes() {
  static const std::vector<Wish> wishes = {Wish::no_bold, Wish::no_list, Wish::no_box, Wish::no_stock};
  return wishes;
}

ReplyGrade grade_for_student(std::string_view reply, const Problem& problem) {
  ReplyGrade grade;
  grade.observed = observe(reply);
  grade.substance = check_substance(reply, problem);
  grade.obeys = unfulfilled(grade.observed, student_wishes()).empty();
  grade.satisfied = grade.obeys && grade.substance.formed;
  return grade;
}

StudentSession::StudentSession(std::uint64_t seed, Split split, double silent, int max_judged)
    : random_(seed),
      split_(split),
      problem_(make_problem(random_, split)),
      max_judged_(max_judged),
      silent_(random_.chance(silent)),
      messages_{message("user", problem_.text)} {}

bool StudentSession::take_reply(const std::string& reply) {
  if (last_) return false;
  grades_.push_back(grade_for_student(reply, problem_));
  if (silent_) return false;
  messages_.push_back(message("assistant", reply));
  messages_.push_back(message("user", words_about(random_, split_, grades_.back())));
  last_ = grades_.back().satisfied || static_cast<int>(grades_.size()) >= max_judged_;
  return true;
}

}  // namespace clawrl::demo
