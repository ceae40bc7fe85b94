#pragma once
// Are these the same arguments of a call, after a client has read them and sent them back?

#include <string>

namespace clawrl {

/// One text for all arguments that say the same: keys sorted, no blanks, numbers as doubles (a client in JavaScript
/// writes 1.0 as 1), "" as {}. Text that is no JSON, or nested deeper than any real call, stays as it is.
std::string canonical_arguments(const std::string& arguments);

}  // namespace clawrl
