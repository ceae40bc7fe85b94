#pragma once
// Source -> program.

#include <string_view>

#include "prompt/jinja/ast.hpp"
#include "prompt/jinja/limits.hpp"

namespace clawrl::jinja {

/// Throws SourceError with line and column: broken syntax, or a tag, filter, test or function that is not supported.
Program parse(std::string_view source, const Limits& limits);

}  // namespace clawrl::jinja
