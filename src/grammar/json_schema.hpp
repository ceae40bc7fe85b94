#pragma once
// JSON Schema -> grammar.

#include <string>

#include "grammar/json_text.hpp"

namespace clawrl::grammar {

/// The values that the schema (JSON text) allows, written as JsonText writes. Every text of the grammar is valid; not
/// every valid value is a text: properties come in the order of the schema (additional ones last), objects that name
/// properties have no others unless additionalProperties says so, `format` is not enforced, oneOf is read as anyOf, and
/// numbers have few digits. See docs/structured_output.md for the keywords. Throws UserError naming keyword and place
/// (`where` is the name of the schema itself) for what is not supported, malformed or beyond the bounds.
Expression schema_expression(Grammar& grammar, const JsonText& json, const std::string& schema,
                             const std::string& where, bool only_objects = false);

}  // namespace clawrl::grammar
