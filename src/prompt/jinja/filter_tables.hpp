#pragma once
// Filters come in two families; find_filter() looks in both.

#include <string_view>

#include "prompt/jinja/builtins.hpp"

namespace clawrl::jinja {

const Function* find_text_filter(std::string_view name);
const Function* find_sequence_filter(std::string_view name);

}  // namespace clawrl::jinja
