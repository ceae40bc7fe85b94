#pragma once
// Python's escapes in a template's string literals.

#include <string>
#include <string_view>

namespace clawrl::jinja {

/// `body`: between the quotes. An unknown escape stays as it is; an impossible one (\x4, \ud800) throws Problem.
std::string resolve_escapes(std::string_view body);

}  // namespace clawrl::jinja
