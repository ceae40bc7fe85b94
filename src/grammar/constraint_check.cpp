#include "grammar/constraint_check.hpp"

#include "grammar/constraint_grammar.hpp"

namespace clawrl {

void check_constraint(const Constraint& constraint) {
  if (constraint.kind == Constraint::Kind::none) return;
  const ReplyFormat strictest{ToolFormat::hermes, false};
  grammar::constraint_grammar(constraint, strictest, grammar::Thinking::none, [](const std::string&) { return false; });
}

}  // namespace clawrl
