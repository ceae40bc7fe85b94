// str() and repr() as Python has them.

#include <cstdio>

#include "prompt/jinja/limits.hpp"
#include "prompt/jinja/value.hpp"
#include "prompt/python_json.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {
namespace {

std::string escaped(std::string_view character, char quote) {
  const char32_t code = code_point(character);
  if (code == static_cast<char32_t>(quote) || code == '\\') return "\\" + std::string(character);
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  if (code >= 0x20 && code != 0x7F && (code < 0x80 || code > 0xA0) && code != 0xAD) return std::string(character);
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(code));
  return text;
}

void append_text_repr(Text& out, const Text& text) {
  const std::string& bytes = text.bytes();
  const bool has_single = bytes.find('\'') != std::string::npos, has_double = bytes.find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  OriginCursor origin(text);
  out.append_template({&quote, 1});
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_step(std::string_view(bytes).substr(i)).length;
    out.append(escaped(std::string_view(bytes).substr(i, length), quote), origin.is_data(i));
    i += length;
  }
  out.append_template({&quote, 1});
}

void append_list_repr(Text& out, const List& list) {
  out.append_template(list.tuple ? "(" : "[");
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out.append_template(", ");
    append_repr(out, list.items[i]);
  }
  if (list.tuple && list.items.size() == 1) out.append_template(",");
  out.append_template(list.tuple ? ")" : "]");
}

void append_dict_repr(Text& out, const Dict& dict) {
  out.append_template("{");
  bool first = true;
  for (const auto& [key, value] : dict.items()) {
    if (!first) out.append_template(", ");
    first = false;
    append_repr(out, key);
    out.append_template(": ");
    append_repr(out, value);
  }
  out.append_template("}");
}

}  // namespace

void append_repr(Text& out, const Value& value) {
  // Lists may share their parts, so that a small value can have an endless text.
  if (out.size() > Limits{}.string_bytes)
    throw Problem("limit string_bytes = " + std::to_string(Limits{}.string_bytes) + " exceeded");
  if (const Text* text = as_text(value)) return append_text_repr(out, *text);
  if (const List* list = as_list(value)) return append_list_repr(out, *list);
  if (const Dict* dict = as_dict(value)) return append_dict_repr(out, *dict);
  if (is_undefined(value)) return out.append_template("Undefined");
  if (is_none(value)) return out.append_template("None");
  if (const bool* flag = get_if<bool>(value)) return out.append_template(*flag ? "True" : "False");
  if (const auto* integer = get_if<std::int64_t>(value)) return out.append_template(std::to_string(*integer));
  if (const double* real = get_if<double>(value)) return out.append_template(python_float(*real));
  if (const auto* big = get_if<BigInteger>(value)) return out.append_template(*big->digits);
  throw Problem(describe(value) + " cannot be printed");
}

void append_str(Text& out, const Value& value) {
  if (is_undefined(value)) return;
  if (const Text* text = as_text(value)) return out.append(*text);
  append_repr(out, value);
}

}  // namespace clawrl::jinja
