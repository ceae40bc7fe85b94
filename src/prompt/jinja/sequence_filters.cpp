// Filters of lists, dicts and strings as sequences.

#include <algorithm>
#include <cmath>

#include "prompt/jinja/filter_tables.hpp"
#include "prompt/jinja/method_tables.hpp"
#include "prompt/jinja/text_functions.hpp"

namespace clawrl::jinja {
namespace {

using Items = std::vector<Value>;

/// "a.b.0": attributes and items one after the other. Nothing at all on an undefined one, as in Jinja's attrgetter.
Value along(Runtime& runtime, Value value, const Value& path) {
  if (!as_text(path)) return item(runtime, value, path);
  const std::string& names = as_text(path)->bytes();
  for (std::size_t begin = 0; begin <= names.size();) {
    const std::size_t end = std::min(names.find('.', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    runtime.budget.step();
    const bool number = !name.empty() && name.size() < 18 &&
                        std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    value = item(runtime, value, number ? Value(std::int64_t{std::stoll(name)}) : template_text(name));
    begin = end + 1;
  }
  return value;
}

const Value* named(const Call& c, std::string_view name) {
  for (const auto& [key, value] : c.rest.named)
    if (key == name) return &value;
  return nullptr;
}

const std::string& name_argument(const Call& c, std::size_t i, const char* what) {
  const Text* name = i < c.rest.positional.size() ? as_text(c.rest.positional[i]) : nullptr;
  if (!name) throw Problem(std::string("the name of a ") + what + " is expected as argument");
  return name->bytes();
}

Arguments arguments_after(const Call& c, std::size_t count) {
  const auto& all = c.rest.positional;
  return {{all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size())), all.end()}, c.rest.named};
}

Value map(Call& c) {
  const Value* path = named(c, "attribute");
  const Value* missing = named(c, "default");
  const Function* filter = path ? nullptr : find_filter(name_argument(c, 0, "filter"));
  if (!path && !filter) throw Problem("there is no filter '" + name_argument(c, 0, "filter") + "'");
  Items mapped;
  const ListPtr all = elements(c.runtime, c.self);
  for (const Value& one : all->items) {
    c.runtime.budget.iteration();
    mapped.push_back(path ? along(c.runtime, one, *path) : invoke(*filter, c.runtime, one, arguments_after(c, 1)));
    if (missing && is_undefined(mapped.back())) mapped.back() = *missing;
  }
  return made(c.runtime, std::move(mapped));
}

/// select, reject, selectattr, rejectattr.
Value chosen(Call& c, bool wanted, bool by_attribute) {
  const std::size_t first = by_attribute ? 1 : 0;
  const Function* test = nullptr;
  if (c.rest.positional.size() > first) {
    test = find_test(name_argument(c, first, "test"));
    if (!test) throw Problem("there is no test '" + name_argument(c, first, "test") + "'");
  }
  Items kept;
  const ListPtr all = elements(c.runtime, c.self);
  for (const Value& one : all->items) {
    c.runtime.budget.iteration();
    const Value seen = by_attribute ? along(c.runtime, one, c.rest.positional[0]) : one;
    const Value verdict = test ? invoke(*test, c.runtime, seen, arguments_after(c, first + 1)) : seen;
    if (truth(verdict) == wanted) kept.push_back(one);
  }
  return made(c.runtime, std::move(kept));
}

Value join(Call& c) {
  const Text separator = c.has(0) ? str(c.runtime, c[0]) : Text();
  Text joined;
  bool first = true;
  const ListPtr all = elements(c.runtime, c.self);
  for (const Value& one : all->items) {
    if (!first) joined.append(separator);
    first = false;
    const Value part = c.has(1) && !is_none(c[1]) ? along(c.runtime, one, c[1]) : one;
    c.runtime.budget.scan(64 * extent_of(part).nodes);
    append_str(joined, part);
    if (joined.footprint() > c.runtime.budget.limits().string_bytes) break;
  }
  return made(c.runtime, std::move(joined));
}

Value edge(Call& c, bool last) {
  const ListPtr list = elements(c.runtime, c.self);
  if (list->items.empty()) return Undefined{};
  return last ? list->items.back() : list->items.front();
}

Value reversed(Call& c) {
  const ListPtr list = elements(c.runtime, c.self);
  if (!as_text(c.self)) return made(c.runtime, Items(list->items.rbegin(), list->items.rend()));
  Text text;
  for (auto one = list->items.rbegin(); one != list->items.rend(); ++one) text.append(*as_text(*one));
  return made(c.runtime, std::move(text));
}

/// What is compared when letters' case does not count.
Value sort_key(Runtime& runtime, const Value& value, const Value* path, bool case_sensitive) {
  Value key = path && !is_none(*path) ? along(runtime, value, *path) : value;
  if (const Text* text = as_text(key); text && !case_sensitive)
    return made(runtime, with_case(*text, LetterCase::lower));
  return key;
}

Value sorted_by(Runtime& runtime, const Items& items, const Items& keys, bool descending) {
  std::vector<std::size_t> order(items.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto before = [&](std::size_t a, std::size_t b) {
    runtime.budget.step(static_cast<std::int64_t>(std::min(extent_of(keys[a]).nodes, extent_of(keys[b]).nodes)));
    if (const Text* text = as_text(keys[a])) runtime.budget.scan(text->size());
    return descending ? less(keys[b], keys[a]) : less(keys[a], keys[b]);
  };
  std::stable_sort(order.begin(), order.end(), before);
  Items sorted;
  for (const std::size_t i : order) sorted.push_back(items[i]);
  return made(runtime, std::move(sorted));
}

Value sort(Call& c) {
  const ListPtr list = elements(c.runtime, c.self);
  Items keys;
  for (const Value& one : list->items)
    keys.push_back(sort_key(c.runtime, one, c.has(2) ? &c[2] : nullptr, c.has(1) && truth(c[1])));
  return sorted_by(c.runtime, list->items, keys, c.has(0) && truth(c[0]));
}

Value dict_sort(Call& c) {
  const Dict* dict = as_dict(c.self);
  if (!dict) throw Problem("dictsort takes a dict, not " + describe(c.self));
  const bool by_value = c.has(1) && as_text(c[1]) && as_text(c[1])->bytes() == "value";
  Items keys;
  for (const auto& [key, value] : dict->items())
    keys.push_back(sort_key(c.runtime, by_value ? value : key, nullptr, c.has(0) && truth(c[0])));
  return sorted_by(c.runtime, as_list(dict_items(c.runtime, *dict))->items, keys, c.has(2) && truth(c[2]));
}

Value unique(Call& c) {
  Items kept, keys;
  const ListPtr all = elements(c.runtime, c.self);
  for (const Value& one : all->items) {
    Value key = sort_key(c.runtime, one, c.has(1) ? &c[1] : nullptr, c.has(0) && truth(c[0]));
    if (std::any_of(keys.begin(), keys.end(), [&](const Value& k) { return equal_paid(c.runtime, k, key); })) continue;
    c.runtime.budget.step();
    keys.push_back(std::move(key));
    kept.push_back(one);
  }
  return made(c.runtime, std::move(kept));
}

Value items(Call& c) {
  if (is_undefined(c.self)) return made(c.runtime, Items{});
  if (!as_dict(c.self)) throw Problem("items takes a dict, not " + describe(c.self));
  return dict_items(c.runtime, *as_dict(c.self));
}

Value extreme(Call& c, bool largest) {
  const ListPtr list = elements(c.runtime, c.self);
  if (list->items.empty()) return Undefined{};
  const auto before = [&](const Value& a, const Value& b) {
    c.runtime.budget.step(static_cast<std::int64_t>(extent_of(a).nodes));
    return largest ? less(b, a) : less(a, b);
  };
  return *std::min_element(list->items.begin(), list->items.end(), before);
}

Value sum(Call& c) {
  std::int64_t whole = 0;
  double real = 0;
  bool is_real = false;
  const ListPtr all = elements(c.runtime, c.self);
  for (const Value& one : all->items) {
    const Value part = c.has(0) && !is_none(c[0]) ? along(c.runtime, one, c[0]) : one;
    std::int64_t integer = 0;
    double number = 0;
    if (!to_double(part, number)) throw Problem("sum takes numbers, not " + describe(part));
    is_real = is_real || !to_integer(part, integer);
    real += number;
    if (!is_real && __builtin_add_overflow(whole, integer, &whole)) throw Problem("sum is out of range");
  }
  return is_real ? Value(real) : Value(whole);
}

Value batch(Call& c) {
  const std::int64_t size = integer_argument(c, 0);
  if (size < 1) throw Problem("batch needs a positive size");
  Items groups, group;
  const ListPtr all = elements(c.runtime, c.self);
  for (const Value& one : all->items) {
    group.push_back(one);
    if (static_cast<std::int64_t>(group.size()) == size) groups.push_back(made(c.runtime, std::exchange(group, {})));
  }
  if (!group.empty()) groups.push_back(made(c.runtime, std::move(group)));
  return made(c.runtime, std::move(groups));
}

Value length(Call& c) {
  return static_cast<std::int64_t>(length_of(c.self));
}
Value attribute_of(Call& c) {
  return attribute(c.self, text_argument(c, 0).bytes());
}

const Function filters[] = {
    {"length", length},
    {"count", length},
    {"first", [](Call& c) { return edge(c, false); }},
    {"last", [](Call& c) { return edge(c, true); }},
    {"join", join, {"d", "attribute"}},
    {"list", [](Call& c) { return made(c.runtime, Items(elements(c.runtime, c.self)->items)); }},
    {"items", items},
    {"map", map, {}, 0, true},
    {"select", [](Call& c) { return chosen(c, true, false); }, {}, 0, true},
    {"reject", [](Call& c) { return chosen(c, false, false); }, {}, 0, true},
    {"selectattr", [](Call& c) { return chosen(c, true, true); }, {}, 1, true},
    {"rejectattr", [](Call& c) { return chosen(c, false, true); }, {}, 1, true},
    {"reverse", reversed},
    {"sort", sort, {"reverse", "case_sensitive", "attribute"}},
    {"dictsort", dict_sort, {"case_sensitive", "by", "reverse"}},
    {"unique", unique, {"case_sensitive", "attribute"}},
    {"min", [](Call& c) { return extreme(c, false); }},
    {"max", [](Call& c) { return extreme(c, true); }},
    {"sum", sum, {"attribute"}},
    {"batch", batch, {"linecount"}, 1},
    {"attr", attribute_of, {"name"}, 1},
};

}  // namespace

const Function* find_sequence_filter(std::string_view name) {
  const auto found =
      std::find_if(std::begin(filters), std::end(filters), [&](const Function& f) { return f.name == name; });
  return found == std::end(filters) ? nullptr : found;
}

}  // namespace clawrl::jinja
