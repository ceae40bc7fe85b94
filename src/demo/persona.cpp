#include "demo/persona.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace clawrl::demo {

const std::vector<Persona>& personas() {
  using enum TaskKind;
  static const std::vector<Persona> all = {
      {"student", {solution}, {Wish::no_bold, Wish::no_list, Wish::no_box, Wish::no_stock}},
      {"ta", {grading}, {Wish::longer}},
      {"teacher", {comment}, {Wish::warmer}},
      {"contrarian", {solution, grading, comment}, {Wish::bold, Wish::list, Wish::shorter, Wish::cooler}}};
  return all;
}

const Persona& find_persona(std::string_view name) {
  static const Persona pedant = [] {
    Persona edgy = personas().back();
    edgy.name = "pedant";
    edgy.least_answer = 15;
    return edgy;
  }();
  if (name == pedant.name) return pedant;
  std::string known = pedant.name;
  for (const Persona& persona : personas()) {
    if (persona.name == name) return persona;
    known += ", " + persona.name;
  }
  throw UserError("no simulated user is called '" + std::string(name) + "'; known: " + known);
}

Task make_task(Random& random, Split split, const Persona& persona) {
  const TaskKind kind = persona.kinds[static_cast<std::size_t>(random.below(static_cast<int>(persona.kinds.size())))];
  return make_task(random, split, kind);
}

ReplyGrade grade(const Persona& persona, std::string_view reply, const Task& task) {
  ReplyGrade grade;
  grade.observed = observe(reply);
  grade.substance = check_substance(reply, task);
  grade.obeys = unfulfilled(grade.observed, persona.wishes).empty();
  grade.satisfied = grade.obeys && grade.substance.formed;
  return grade;
}

std::vector<Wish> unfulfilled(const Observed& seen, const std::vector<Wish>& wanted) {
  std::vector<Wish> missing;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(missing), [&](Wish w) { return !obeys(seen, w); });
  return missing;
}

}  // namespace clawrl::demo
