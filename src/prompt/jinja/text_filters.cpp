// Filters that make strings or numbers of one value.

#include <algorithm>
#include <charconv>
#include <cmath>

#include "prompt/jinja/filter_tables.hpp"
#include "prompt/jinja/json.hpp"
#include "prompt/jinja/text_functions.hpp"

namespace clawrl::jinja {
namespace {

Value trim(Call& c) {
  const Text text = str(c.runtime, c.self);
  const bool given = c.has(0) && !is_none(c[0]);
  if (given) c.runtime.budget.search(text.size(), text_argument(c, 0).size());
  const TextRange range = stripped(text.bytes(), true, true, given ? &text_argument(c, 0).bytes() : nullptr);
  return made(c.runtime, text.slice(range.begin, range.end));
}

Value cased(Call& c, LetterCase wanted) {
  return made(c.runtime, with_case(str(c.runtime, c.self), wanted));
}

Value to_string(Call& c) {
  return as_text(c.self) ? c.self : made(c.runtime, str(c.runtime, c.self));
}

Value replace(Call& c) {
  const std::int64_t most = c.has(2) && !is_none(c[2]) ? integer_argument(c, 2) : -1;
  const Text old = str(c.runtime, c[0]), by = str(c.runtime, c[1]);
  return made(c.runtime, replaced(c.runtime.budget, str(c.runtime, c.self), old, by, most));
}

/// json.dumps: indent gives the default separator without a blank, as in Python.
Value to_json(Call& c) {
  JsonStyle style;
  style.ensure_ascii = c.has(0) && truth(c[0]);
  if (c.has(1) && !is_none(c[1])) {
    style.pretty = true;
    style.item_separator = ",";
    if (as_text(c[1]))
      style.indent = as_text(c[1])->bytes();
    else
      style.indent.assign(static_cast<std::size_t>(std::clamp<std::int64_t>(integer_argument(c, 1), 0, 100)), ' ');
  }
  if (c.has(2) && !is_none(c[2])) {
    const List* separators = as_list(c[2]);
    const bool two = separators && separators->items.size() == 2;
    if (!two || !as_text(separators->items[0]) || !as_text(separators->items[1]))
      throw Problem("tojson: separators must be two strings");
    style.item_separator = as_text(separators->items[0])->bytes();
    style.key_separator = as_text(separators->items[1])->bytes();
  }
  style.sort_keys = c.has(3) && truth(c[3]);
  c.runtime.budget.scan(extent_of(c.self).nodes * 64);
  Text text;
  append_json(text, c.self, style, c.runtime.budget.limits());
  return made(c.runtime, std::move(text));
}

Value to_integer_filter(Call& c) {
  const Value fallback = c.has(0) ? c[0] : Value(std::int64_t{0});
  std::int64_t integer = 0;
  if (to_integer(c.self, integer)) return integer;
  double real = 0;
  if (const Text* text = as_text(c.self)) {
    const TextRange range = stripped(text->bytes(), true, true);
    const char *begin = text->bytes().data() + range.begin, *end = text->bytes().data() + range.end;
    if (begin != end && *begin == '+') ++begin;
    if (const auto read = std::from_chars(begin, end, integer); read.ec == std::errc() && read.ptr == end)
      return integer;
    if (const auto read = std::from_chars(begin, end, real); read.ec != std::errc() || read.ptr != end) return fallback;
  } else if (!to_double(c.self, real)) {
    return fallback;
  }
  return std::fabs(real) < 9e18 ? Value(static_cast<std::int64_t>(real)) : fallback;
}

Value to_real_filter(Call& c) {
  const Value fallback = c.has(0) ? c[0] : Value(0.0);
  double real = 0;
  if (to_double(c.self, real)) return real;
  const Text* text = as_text(c.self);
  if (!text) return fallback;
  const TextRange range = stripped(text->bytes(), true, true);
  const char *begin = text->bytes().data() + range.begin, *end = text->bytes().data() + range.end;
  const auto read = std::from_chars(begin, end, real);
  return read.ec == std::errc() && read.ptr == end ? Value(real) : fallback;
}

Value absolute(Call& c) {
  std::int64_t integer = 0;
  if (to_integer(c.self, integer) && integer != INT64_MIN) return integer < 0 ? -integer : integer;
  double real = 0;
  if (!to_double(c.self, real)) throw Problem("a number is expected, not " + describe(c.self));
  return std::fabs(real);
}

Value rounded(Call& c) {
  double number = 0;
  if (!to_double(c.self, number)) throw Problem("a number is expected, not " + describe(c.self));
  const std::int64_t digits = c.has(0) ? std::clamp<std::int64_t>(integer_argument(c, 0), -300, 300) : 0;
  const std::string method = c.has(1) ? text_argument(c, 1).bytes() : "common";
  const double scale = std::pow(10.0, static_cast<double>(digits)), scaled = number * scale;
  if (!std::isfinite(scaled)) return number;
  if (method == "common") return std::nearbyint(scaled) / scale;
  if (method == "ceil") return std::ceil(scaled) / scale;
  if (method == "floor") return std::floor(scaled) / scale;
  throw Problem("round: the method is common, ceil or floor, not '" + method + "'");
}

Value indented(Call& c) {
  Text text = str(c.runtime, c.self);
  Text margin;
  if (c.has(0) && as_text(c[0])) {
    margin = text_argument(c, 0);
  } else {
    const std::int64_t width = c.has(0) ? integer_argument(c, 0) : 4;
    margin.append_template(std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 1000)), ' '));
  }
  const bool first = c.has(1) && truth(c[1]), blank = c.has(2) && truth(c[2]);
  Text made_text;
  text.append_template("\n");  // so that an empty last line is one
  bool is_first = true;
  for (const Text& line : split_lines(c.runtime.budget.limits(), text, false)) {
    if (!is_first) made_text.append_template("\n");
    if (is_first ? first : (blank || !line.empty())) made_text.append(margin);
    is_first = false;
    made_text.append(line);
    if (made_text.footprint() > c.runtime.budget.limits().string_bytes) break;
  }
  return made(c.runtime, std::move(made_text));
}

/// Markup is nobody's business here: & < > ' " become entities.
Value escaped(Call& c) {
  static constexpr std::pair<const char*, const char*> entities[] = {
      {"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {"\"", "&#34;"}};
  Text text = str(c.runtime, c.self);
  for (const auto& [plain, entity] : entities) {
    text = replaced(c.runtime.budget, text, Text::of_template(plain), Text::of_template(entity));
    c.runtime.budget.string(text.footprint());
  }
  return text_value(std::move(text));
}

Value fallback(Call& c) {
  const bool missing = is_undefined(c.self) || (c.has(1) && truth(c[1]) && !truth(c.self));
  return !missing ? c.self : c.has(0) ? c[0] : made(c.runtime, Text());
}

Value word_count(Call& c) {
  const Text text = str(c.runtime, c.self);
  return static_cast<std::int64_t>(split_words(c.runtime.budget.limits(), text).size());
}

const Function filters[] = {
    {"trim", trim, {"chars"}},
    {"upper", [](Call& c) { return cased(c, LetterCase::upper); }},
    {"lower", [](Call& c) { return cased(c, LetterCase::lower); }},
    {"title", [](Call& c) { return cased(c, LetterCase::title); }},
    {"capitalize", [](Call& c) { return cased(c, LetterCase::capitalized); }},
    {"string", to_string},
    {"safe", to_string},
    {"escape", escaped},
    {"e", escaped},
    {"replace", replace, {"old", "new", "count"}, 2},
    {"tojson", to_json, {"ensure_ascii", "indent", "separators", "sort_keys"}},
    {"int", to_integer_filter, {"default"}},
    {"float", to_real_filter, {"default"}},
    {"abs", absolute},
    {"round", rounded, {"precision", "method"}},
    {"indent", indented, {"width", "first", "blank"}},
    {"default", fallback, {"default_value", "boolean"}},
    {"d", fallback, {"default_value", "boolean"}},
    {"wordcount", word_count},
};

}  // namespace

const Function* find_text_filter(std::string_view name) {
  const auto found =
      std::find_if(std::begin(filters), std::end(filters), [&](const Function& f) { return f.name == name; });
  return found == std::end(filters) ? nullptr : found;
}

const Function* find_filter(std::string_view name) {
  const Function* found = find_text_filter(name);
  return found ? found : find_sequence_filter(name);
}

}  // namespace clawrl::jinja
