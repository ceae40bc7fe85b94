// "text".method(...), as Python's str has them.

#include <algorithm>

#include "prompt/jinja/builtins.hpp"
#include "prompt/jinja/method_tables.hpp"
#include "prompt/jinja/text_functions.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {
namespace {

Value strip(Call& c, bool left, bool right) {
  const Text& text = self_text(c);
  const bool given = c.has(0) && !is_none(c[0]);
  if (given) c.runtime.budget.search(text.size(), text_argument(c, 0).size());
  const TextRange range = stripped(text.bytes(), left, right, given ? &text_argument(c, 0).bytes() : nullptr);
  return made(c.runtime, text.slice(range.begin, range.end));
}

Value list_of(Call& c, std::vector<Text> parts) {
  std::vector<Value> values;
  for (Text& part : parts) values.push_back(made(c.runtime, std::move(part)));
  return made(c.runtime, std::move(values));
}

Value split_at(Call& c, bool from_right) {
  const Text& text = self_text(c);
  const std::int64_t most = c.has(1) ? integer_argument(c, 1) : -1;
  const Limits& limits = c.runtime.budget.limits();
  if (c.has(0) && !is_none(c[0])) {
    const Text& separator = text_argument(c, 0);
    c.runtime.budget.search(text.size(), separator.size());
    return list_of(c, split(limits, text, separator.bytes(), most, from_right));
  }
  if (from_right && most >= 0) throw Problem("rsplit with a maximum needs a separator");
  return list_of(c, split_words(limits, text, most));
}

/// One ending or a tuple of them.
Value has_end(Call& c, bool at_start) {
  const std::string& text = self_text(c).bytes();
  const auto matches = [&](const Value& part) {
    const Text* wanted = as_text(part);
    if (!wanted) throw Problem("a string is expected as argument, not " + describe(part));
    c.runtime.budget.scan(64 + std::min(text.size(), wanted->size()));
    return at_start ? text.starts_with(wanted->bytes()) : text.ends_with(wanted->bytes());
  };
  const List* choices = as_list(c[0]);
  return choices ? std::any_of(choices->items.begin(), choices->items.end(), matches) : matches(c[0]);
}

Value find_part(Call& c, bool last) {
  const std::string& text = self_text(c).bytes();
  const std::string& part = text_argument(c, 0).bytes();
  c.runtime.budget.search(text.size(), part.size());
  const std::size_t found = last ? text.rfind(part) : text.find(part);
  if (found == std::string::npos) return std::int64_t{-1};
  return static_cast<std::int64_t>(count_characters(std::string_view(text).substr(0, found)));
}

Value partition(Call& c, bool last) {
  const Text& text = self_text(c);
  const Text& separator = text_argument(c, 0);
  if (separator.empty()) throw Problem("a separator must not be empty");
  c.runtime.budget.search(text.size(), separator.size());
  const std::size_t i = last ? text.bytes().rfind(separator.bytes()) : text.bytes().find(separator.bytes());
  std::vector<Value> parts(3, made(c.runtime, Text()));
  if (i == std::string::npos) {
    parts[last ? 2 : 0] = c.self;
  } else {
    parts[0] = made(c.runtime, text.slice(0, i));
    parts[1] = made(c.runtime, text.slice(i, i + separator.size()));
    parts[2] = made(c.runtime, text.slice(i + separator.size(), text.size()));
  }
  return made(c.runtime, std::move(parts), true);
}

Value join(Call& c) {
  const Text& separator = self_text(c);
  Text joined;
  bool first = true;
  const ListPtr all = elements(c.runtime, c[0]);
  for (const Value& one : all->items) {
    if (!as_text(one)) throw Problem("only strings can be joined, not " + describe(one));
    if (!first) joined.append(separator);
    first = false;
    joined.append(*as_text(one));
    if (joined.footprint() > c.runtime.budget.limits().string_bytes) break;
  }
  return made(c.runtime, std::move(joined));
}

template <class Test>
bool all_characters(const std::string& text, const Test& test) {
  for (std::size_t i = 0; i < text.size(); i += utf8_step(std::string_view(text).substr(i)).length)
    if (!test(code_point(std::string_view(text).substr(i)))) return false;
  return !text.empty();
}

bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char32_t c) {
  return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Value without_affix(Call& c, bool prefix) {
  const Text& text = self_text(c);
  const std::string& affix = text_argument(c, 0).bytes();
  if (prefix) return text.bytes().starts_with(affix) ? made(c.runtime, text.slice(affix.size(), text.size())) : c.self;
  return text.bytes().ends_with(affix) ? made(c.runtime, text.slice(0, text.size() - affix.size())) : c.self;
}

Value count(Call& c) {
  const std::string& text = self_text(c).bytes();
  const std::string& part = text_argument(c, 0).bytes();
  if (part.empty()) return static_cast<std::int64_t>(count_characters(text) + 1);
  c.runtime.budget.search(text.size(), part.size());
  std::int64_t found = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + part.size())) ++found;
  return found;
}

Value replace(Call& c) {
  const std::int64_t most = c.has(2) ? integer_argument(c, 2) : -1;
  return made(c.runtime, replaced(c.runtime.budget, self_text(c), text_argument(c, 0), text_argument(c, 1), most));
}

Value cased(Call& c, LetterCase wanted) {
  return made(c.runtime, with_case(self_text(c), wanted));
}

Value zero_filled(Call& c) {
  const Text& text = self_text(c);
  const std::int64_t width = integer_argument(c, 0);
  const auto size = static_cast<std::int64_t>(count_characters(text.bytes()));
  if (width <= size) return c.self;
  c.runtime.budget.string(static_cast<std::size_t>(width));
  const bool sign = text.bytes().starts_with('-') || text.bytes().starts_with('+');
  Text filled = text.slice(0, sign);
  filled.append_template(std::string(static_cast<std::size_t>(width - size), '0'));
  filled.append(text, sign, text.size());
  return made(c.runtime, std::move(filled));
}

const Function methods[] = {
    {"strip", [](Call& c) { return strip(c, true, true); }, {"chars"}},
    {"lstrip", [](Call& c) { return strip(c, true, false); }, {"chars"}},
    {"rstrip", [](Call& c) { return strip(c, false, true); }, {"chars"}},
    {"split", [](Call& c) { return split_at(c, false); }, {"sep", "maxsplit"}},
    {"rsplit", [](Call& c) { return split_at(c, true); }, {"sep", "maxsplit"}},
    {"splitlines",
     [](Call& c) { return list_of(c, split_lines(c.runtime.budget.limits(), self_text(c), c.has(0) && truth(c[0]))); },
     {"keepends"}},
    {"startswith", [](Call& c) { return has_end(c, true); }, {"prefix"}, 1},
    {"endswith", [](Call& c) { return has_end(c, false); }, {"suffix"}, 1},
    {"removeprefix", [](Call& c) { return without_affix(c, true); }, {"prefix"}, 1},
    {"removesuffix", [](Call& c) { return without_affix(c, false); }, {"suffix"}, 1},
    {"upper", [](Call& c) { return cased(c, LetterCase::upper); }},
    {"lower", [](Call& c) { return cased(c, LetterCase::lower); }},
    {"title", [](Call& c) { return cased(c, LetterCase::title); }},
    {"capitalize", [](Call& c) { return cased(c, LetterCase::capitalized); }},
    {"replace", replace, {"old", "new", "count"}, 2},
    {"join", join, {"iterable"}, 1},
    {"find", [](Call& c) { return find_part(c, false); }, {"sub"}, 1},
    {"rfind", [](Call& c) { return find_part(c, true); }, {"sub"}, 1},
    {"count", count, {"sub"}, 1},
    {"partition", [](Call& c) { return partition(c, false); }, {"sep"}, 1},
    {"rpartition", [](Call& c) { return partition(c, true); }, {"sep"}, 1},
    {"isdigit", [](Call& c) -> Value { return all_characters(self_text(c).bytes(), is_digit); }},
    {"isnumeric", [](Call& c) -> Value { return all_characters(self_text(c).bytes(), is_digit); }},
    {"isalpha", [](Call& c) -> Value { return all_characters(self_text(c).bytes(), is_alpha); }},
    {"isalnum",
     [](Call& c) -> Value {
       return all_characters(self_text(c).bytes(), [](char32_t x) { return is_alpha(x) || is_digit(x); });
     }},
    {"isspace", [](Call& c) -> Value { return all_characters(self_text(c).bytes(), is_python_space); }},
    {"zfill", zero_filled, {"width"}, 1},
};

}  // namespace

const Function* find_string_method(std::string_view name) {
  const auto found =
      std::find_if(std::begin(methods), std::end(methods), [&](const Function& f) { return f.name == name; });
  return found == std::end(methods) ? nullptr : found;
}

}  // namespace clawrl::jinja
