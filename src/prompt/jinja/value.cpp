#include "prompt/jinja/value.hpp"

#include <algorithm>
#include <cmath>

#include "prompt/jinja/limits.hpp"
#include "prompt/python_json.hpp"

namespace clawrl::jinja {
namespace {

/// Equal keys have equal hash names: 1, 1.0 and True are one key in Python.
std::string key_name(const Value& key) {
  if (const Text* text = as_text(key)) return "s" + text->bytes();
  if (is_none(key)) return "none";
  std::int64_t integer = 0;
  if (to_integer(key, integer)) return "n" + std::to_string(integer);
  if (const double* real = get_if<double>(key)) {
    if (*real == std::floor(*real) && std::fabs(*real) < 9e18)
      return "n" + std::to_string(static_cast<std::int64_t>(*real));
    return "n" + python_float(*real);
  }
  if (const auto* big = get_if<BigInteger>(key)) return "n" + *big->digits;
  throw Problem(describe(key) + " cannot be a key of a dict");
}

bool equal_lists(const List& a, const List& b) {
  return a.tuple == b.tuple && a.items.size() == b.items.size() &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  return a.items().size() == b.items().size() &&
         std::all_of(a.items().begin(), a.items().end(), [&](const Dict::Item& item) {
           const Value* other = b.find(item.first);
           return other && equal(item.second, *other);
         });
}

}  // namespace

void Extent::include(const Extent& part) {
  static constexpr Limits limits;
  depth = std::max(depth, 1 + part.depth);
  nodes += part.nodes;
  const auto check = [](auto value, auto limit, const char* name) {
    if (value > limit) throw Problem(std::string("limit ") + name + " = " + std::to_string(limit) + " exceeded");
  };
  check(depth, limits.value_depth, "value_depth");
  check(nodes, limits.value_nodes, "value_nodes");
}

void Dict::set(Value key, Value value) {
  extent_.include(extent_of(value));
  const auto [place, is_new] = index_.try_emplace(key_name(key), items_.size());
  if (is_new)
    items_.emplace_back(std::move(key), std::move(value));
  else
    items_[place->second].second = std::move(value);
}

const Value* Dict::find(const Value& key) const {
  const auto found = index_.find(key_name(key));
  return found == index_.end() ? nullptr : &items_[found->second].second;
}

const Value* Dict::find(const std::string& key) const {
  const auto found = index_.find("s" + key);
  return found == index_.end() ? nullptr : &items_[found->second].second;
}

Value text_value(Text text) {
  return std::make_shared<const Text>(std::move(text));
}
Value template_text(std::string bytes) {
  return text_value(Text::of_template(std::move(bytes)));
}
Value data_text(std::string bytes) {
  return text_value(Text::of_data(std::move(bytes)));
}
Value dict_value(Dict dict) {
  return std::make_shared<const Dict>(std::move(dict));
}

Value list_value(std::vector<Value> items, bool tuple) {
  List list{std::move(items), tuple, {.depth = 1, .nodes = 1}};
  for (const Value& item : list.items) list.extent.include(extent_of(item));
  return std::make_shared<const List>(std::move(list));
}

Extent extent_of(const Value& value) {
  if (const List* list = as_list(value)) return list->extent;
  if (const Dict* dict = as_dict(value)) return dict->extent();
  Extent extent;
  if (const auto* method = get_if<MethodPtr>(value)) extent.include(extent_of((*method)->self));
  if (const auto* loop = get_if<LoopPtr>(value)) extent.include((*loop)->items->extent);
  return extent;
}

bool truth(const Value& value) {
  if (is_undefined(value) || is_none(value)) return false;
  double number = 0;
  if (to_double(value, number)) return number != 0;
  if (const Text* text = as_text(value)) return !text->empty();
  if (const List* list = as_list(value)) return !list->items.empty();
  if (const Dict* dict = as_dict(value)) return !dict->items().empty();
  return true;
}

bool to_integer(const Value& value, std::int64_t& number) {
  if (const auto* integer = get_if<std::int64_t>(value)) return number = *integer, true;
  if (const bool* flag = get_if<bool>(value)) return number = *flag, true;
  return false;
}

bool to_double(const Value& value, double& number) {
  std::int64_t integer = 0;
  if (to_integer(value, integer)) return number = static_cast<double>(integer), true;
  if (const double* real = get_if<double>(value)) return number = *real, true;
  return false;
}

bool equal(const Value& a, const Value& b) {
  std::int64_t i = 0, j = 0;
  if (to_integer(a, i) && to_integer(b, j)) return i == j;
  double x = 0, y = 0;
  if (to_double(a, x) && to_double(b, y)) return x == y;
  if (a.index() != b.index()) return false;
  if (is_undefined(a) || is_none(a)) return true;
  if (const auto* big = get_if<BigInteger>(a)) return *big->digits == *get_if<BigInteger>(b)->digits;
  if (const Text* text = as_text(a)) return text->bytes() == as_text(b)->bytes();
  if (const List* list = as_list(a)) return list == as_list(b) || equal_lists(*list, *as_list(b));
  if (const Dict* dict = as_dict(a)) return dict == as_dict(b) || equal_dicts(*dict, *as_dict(b));
  if (const auto* space = get_if<NamespacePtr>(a)) return *space == *get_if<NamespacePtr>(b);
  if (const auto* macro = get_if<MacroValue>(a)) return macro->macro == get_if<MacroValue>(b)->macro;
  if (const auto* function = get_if<const Function*>(a)) return *function == *get_if<const Function*>(b);
  return false;
}

bool less(const Value& a, const Value& b) {
  std::int64_t i = 0, j = 0;
  if (to_integer(a, i) && to_integer(b, j)) return i < j;
  double x = 0, y = 0;
  if (to_double(a, x) && to_double(b, y)) return x < y;
  if (as_text(a) && as_text(b)) return as_text(a)->bytes() < as_text(b)->bytes();  // UTF-8 order = code point order
  if (as_list(a) && as_list(b)) {
    const auto &left = as_list(a)->items, &right = as_list(b)->items;
    for (std::size_t n = 0; n < std::min(left.size(), right.size()); ++n)
      if (!equal(left[n], right[n])) return less(left[n], right[n]);
    return left.size() < right.size();
  }
  throw Problem(describe(a) + " and " + describe(b) + " have no order");
}

std::string describe(const Value& value) {
  static const char* const names[] = {
      "an undefined value", "None",    "a bool", "an integer",  "a float", "a big integer",
      "a string",           "a list",  "a dict", "a namespace", "a macro", "a function",
      "a method",           "the loop"};
  const auto* undefined = get_if<Undefined>(value);
  if (undefined && undefined->name) return "'" + *undefined->name + "', which is undefined,";
  return names[value.index()];
}

}  // namespace clawrl::jinja
