#pragma once
// Which JSON Schema keywords are known, and how two schemas that both hold become one. For .cpp files that include
// JSON.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace clawrl::grammar {

using Schema = nlohmann::ordered_json;

/// Throws UserError naming the first keyword that is not supported, and `path`.
void check_keywords(const Schema& schema, const std::string& path);
/// Says nothing about which values are valid: title, description ...
bool is_annotation(const std::string& keyword);
/// Only annotations: every value is valid.
bool says_nothing(const Schema& schema);
/// A schema that means `a` and `b`. Neither has $ref or allOf. What would need more than combining keywords is refused
/// (UserError naming keyword and `path`).
Schema merged(Schema a, const Schema& b, const std::string& path);

}  // namespace clawrl::grammar
