#pragma once
// Methods by type.

#include <string_view>

#include "prompt/jinja/builtins.hpp"

namespace clawrl::jinja {

const Function* find_string_method(std::string_view name);

/// The items of a dict as (key, value) tuples.
Value dict_items(Runtime& runtime, const Dict& dict);

}  // namespace clawrl::jinja
