#pragma once
// A hint in the judge's output.

#include <optional>
#include <string>

namespace clawrl {

/// Text of the last [HINT_START]...[HINT_END] pair, trimmed; nothing when there is no pair or 10 or fewer code points.
/// A pair runs from a start mark to the next end mark; a start mark inside a pair is text.
std::optional<std::string> parse_hint(const std::string& text);

}  // namespace clawrl
