#pragma once
// Can this constraint be held to? Needs no tokenizer: the server's front answers 400 with it.

#include "core/generation.hpp"

namespace clawrl {

/// Throws UserError naming the keyword and the place of what is not supported, malformed, unsatisfiable or too large.
/// Milliseconds at most for what passes the bounds; Kind::none passes. Thread-safe.
void check_constraint(const Constraint& constraint);

}  // namespace clawrl
