#pragma once
// JSON in and out of a template's values.

#include <string>
#include <string_view>

#include "prompt/jinja/limits.hpp"
#include "prompt/jinja/value.hpp"

namespace clawrl::jinja {

/// Strings and keys of it are data. Throws Problem with the byte where it is no JSON, or for one nested too deep.
Value parse_json(std::string_view json);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool pretty = false;  // one item a line, each level indented by `indent`
  std::string indent;
  std::string item_separator = ", ", key_separator = ": ";
};

/// As Python's json.dumps: see python_json.hpp. Strings keep their origin, the rest is the template's.
void append_json(Text& out, const Value& value, const JsonStyle& style, const Limits& limits);

}  // namespace clawrl::jinja
