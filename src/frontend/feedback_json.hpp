#pragma once
// POST /v1/feedback: its JSON to our structs and back. Pure functions.

#include <string>
#include <string_view>

#include "frontend/chat_service.hpp"

namespace clawrl {

/// Throws RequestError naming the field: unknown types, a turn named by nothing, nothing said of it, thumbs against
/// score. What the texts of `time` and the names mean is the service's business. `key` is left empty.
FeedbackRequest parse_feedback_request(std::string_view body);

std::string format_feedback(const FeedbackReceipt& receipt);

}  // namespace clawrl
