// x is something.

#include <algorithm>
#include <array>

#include "prompt/jinja/builtins.hpp"

namespace clawrl::jinja {
namespace {

bool is_number(const Value& v) {
  double number = 0;
  return to_double(v, number) || get_if<BigInteger>(v);
}

bool is_integer(const Value& v) {
  return get_if<std::int64_t>(v) || get_if<BigInteger>(v);
}
bool is_list_like(const Value& v) {
  return as_text(v) || as_list(v) || as_dict(v);
}

bool is_callable(const Value& v) {
  return get_if<MacroValue>(v) || get_if<const Function*>(v) || get_if<MethodPtr>(v);
}

std::int64_t self_integer(const Call& c) {
  std::int64_t number = 0;
  if (!to_integer(c.self, number)) throw Problem("an integer is expected, not " + describe(c.self));
  return number;
}

Value divisible(Call& c) {
  const std::int64_t by = integer_argument(c, 0);
  if (by == 0) throw Problem("division by zero");
  return by == -1 || self_integer(c) % by == 0;
}

/// The very same thing: lists and dicts by identity, scalars by type and value.
Value same(Call& c) {
  const Value &a = c.self, &b = c[0];
  if (a.index() != b.index()) return false;
  if (as_list(a)) return as_list(a) == as_list(b);
  if (as_dict(a)) return as_dict(a) == as_dict(b);
  return equal_paid(c.runtime, a, b);
}

/// All letters are of this case, and there is one. ASCII letters only.
bool has_case(const std::string& text, bool upper) {
  const auto is_upper = [](char x) { return x >= 'A' && x <= 'Z'; };
  const auto is_lower = [](char x) { return x >= 'a' && x <= 'z'; };
  return upper ? std::any_of(text.begin(), text.end(), is_upper) && std::none_of(text.begin(), text.end(), is_lower)
               : std::any_of(text.begin(), text.end(), is_lower) && std::none_of(text.begin(), text.end(), is_upper);
}

Value is_equal(Call& c) {
  return equal_paid(c.runtime, c.self, c[0]);
}
Value is_unequal(Call& c) {
  return !equal_paid(c.runtime, c.self, c[0]);
}
Value is_less(Call& c) {
  return less(c.self, c[0]);
}
Value is_less_equal(Call& c) {
  return !less(c[0], c.self);
}
Value is_greater(Call& c) {
  return less(c[0], c.self);
}
Value is_greater_equal(Call& c) {
  return !less(c.self, c[0]);
}

Value is_named(Call& c, const Function* (*find)(std::string_view)) {
  const Text* name = as_text(c.self);
  return name && find(name->bytes());
}

const Function tests[] = {
    {"defined", [](Call& c) -> Value { return !is_undefined(c.self); }},
    {"undefined", [](Call& c) -> Value { return is_undefined(c.self); }},
    {"none", [](Call& c) -> Value { return is_none(c.self); }},
    {"boolean", [](Call& c) -> Value { return get_if<bool>(c.self) != nullptr; }},
    {"true", [](Call& c) -> Value { return get_if<bool>(c.self) && *get_if<bool>(c.self); }},
    {"false", [](Call& c) -> Value { return get_if<bool>(c.self) && !*get_if<bool>(c.self); }},
    {"integer", [](Call& c) -> Value { return is_integer(c.self); }},
    {"float", [](Call& c) -> Value { return get_if<double>(c.self) != nullptr; }},
    {"number", [](Call& c) -> Value { return is_number(c.self); }},
    {"string", [](Call& c) -> Value { return as_text(c.self) != nullptr; }},
    {"mapping", [](Call& c) -> Value { return as_dict(c.self) != nullptr; }},
    {"sequence", [](Call& c) -> Value { return is_list_like(c.self) || is_undefined(c.self); }},
    {"iterable", [](Call& c) -> Value { return is_list_like(c.self) || is_undefined(c.self); }},
    {"callable", [](Call& c) -> Value { return is_callable(c.self); }},
    {"odd", [](Call& c) -> Value { return self_integer(c) % 2 != 0; }},
    {"even", [](Call& c) -> Value { return self_integer(c) % 2 == 0; }},
    {"divisibleby", divisible, {"num"}, 1},
    {"sameas", same, {"other"}, 1},
    {"in", [](Call& c) -> Value { return contains(c.runtime, c[0], c.self); }, {"seq"}, 1},
    {"eq", is_equal, {"other"}, 1},
    {"equalto", is_equal, {"other"}, 1},
    {"==", is_equal, {"other"}, 1},
    {"ne", is_unequal, {"other"}, 1},
    {"!=", is_unequal, {"other"}, 1},
    {"lt", is_less, {"other"}, 1},
    {"lessthan", is_less, {"other"}, 1},
    {"<", is_less, {"other"}, 1},
    {"le", is_less_equal, {"other"}, 1},
    {"<=", is_less_equal, {"other"}, 1},
    {"gt", is_greater, {"other"}, 1},
    {"greaterthan", is_greater, {"other"}, 1},
    {">", is_greater, {"other"}, 1},
    {"ge", is_greater_equal, {"other"}, 1},
    {">=", is_greater_equal, {"other"}, 1},
    {"upper", [](Call& c) -> Value { return has_case(str(c.runtime, c.self).bytes(), true); }},
    {"lower", [](Call& c) -> Value { return has_case(str(c.runtime, c.self).bytes(), false); }},
    {"filter", [](Call& c) -> Value { return is_named(c, find_filter); }},
    {"test", [](Call& c) -> Value { return is_named(c, find_test); }},
    {"escaped", [](Call&) -> Value { return false; }},
};

}  // namespace

const Function* find_test(std::string_view name) {
  const auto found =
      std::find_if(std::begin(tests), std::end(tests), [&](const Function& f) { return f.name == name; });
  return found == std::end(tests) ? nullptr : found;
}

}  // namespace clawrl::jinja
