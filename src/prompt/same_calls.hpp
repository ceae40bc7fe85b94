#pragma once
// Are these the same tool calls, after a client has read them and sent them back?

#include <vector>

#include "core/message.hpp"

namespace clawrl {

/// Equal names, and arguments that are equal as JSON values (blanks and the order of keys may differ; "" counts as {});
/// arguments that are no JSON must be equal as text. Ids are not looked at.
bool same_calls(const std::vector<ToolCall>& a, const std::vector<ToolCall>& b);

}  // namespace clawrl
