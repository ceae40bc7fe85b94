#pragma once
// JSON values that several OpenAI objects have, for the frontend's .cpp files only.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "frontend/chat_service.hpp"

namespace clawrl::values {

using Json = nlohmann::ordered_json;

/// Broken UTF-8 in a text becomes U+FFFD: a reply must not fail on its way out.
std::string dump(const Json& json);
std::string valid(const std::string& text);  // the same for a key
std::string open_object(const Json& json);   // without the closing brace: more follows
Json usage(const ChatUsage& usage);
Json or_null(const std::string& text);

}  // namespace clawrl::values
