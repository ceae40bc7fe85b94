// Methods of dicts, lists and the loop. What would change a value is refused: templates get immutable data.

#include <algorithm>

#include "prompt/jinja/method_tables.hpp"

namespace clawrl::jinja {
namespace {

Value refuse_change(Call&) {
  throw Problem("a template must not change a list or dict of its own or of the conversation");
}

Value keys(Call& c) {
  std::vector<Value> all;
  for (const auto& [key, value] : as_dict(c.self)->items()) all.push_back(key);
  return made(c.runtime, std::move(all));
}

Value values(Call& c) {
  std::vector<Value> all;
  for (const auto& [key, value] : as_dict(c.self)->items()) all.push_back(value);
  return made(c.runtime, std::move(all));
}

Value get(Call& c) {
  if (const Text* key = as_text(c[0])) c.runtime.budget.scan(key->size());
  if (const Value* found = as_dict(c.self)->find(c[0])) return *found;
  return c.has(1) ? c[1] : Value(None{});
}

Value count(Call& c) {
  const auto& items = as_list(c.self)->items;
  return static_cast<std::int64_t>(
      std::count_if(items.begin(), items.end(), [&](const Value& one) { return equal_paid(c.runtime, one, c[0]); }));
}

Value index(Call& c) {
  const auto& items = as_list(c.self)->items;
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const Value& one) { return equal_paid(c.runtime, one, c[0]); });
  if (found == items.end()) throw Problem("index(): the value is not in the list");
  return static_cast<std::int64_t>(found - items.begin());
}

Value cycle(Call& c) {
  const auto& choices = c.rest.positional;
  return choices[(*get_if<LoopPtr>(c.self))->index % choices.size()];
}

Value changed(Call& c) {
  Loop& loop = **get_if<LoopPtr>(c.self);
  const auto same = [&](const Value& a, const Value& b) { return equal_paid(c.runtime, a, b); };
  const auto &now = c.rest.positional, &last = loop.last_changed;
  if (loop.asked_changed && now.size() == last.size() && std::equal(now.begin(), now.end(), last.begin(), same))
    return false;
  loop.asked_changed = true;
  loop.last_changed = now;
  for (const Value& value : now)
    if (extent_of(value).depth > 0) throw Problem("loop.changed() takes strings and numbers only");
  return true;
}

const Function dict_methods[] = {
    {"items", [](Call& c) { return dict_items(c.runtime, *as_dict(c.self)); }},
    {"keys", keys},
    {"values", values},
    {"get", get, {"key", "default"}, 1},
    {"copy", [](Call& c) { return c.self; }},
    {"update", refuse_change, {}, 0, true},
    {"pop", refuse_change, {}, 0, true},
    {"popitem", refuse_change, {}, 0, true},
    {"clear", refuse_change, {}, 0, true},
    {"setdefault", refuse_change, {}, 0, true},
};

const Function list_methods[] = {
    {"count", count, {"value"}, 1},           {"index", index, {"value"}, 1},
    {"copy", [](Call& c) { return c.self; }}, {"append", refuse_change, {}, 0, true},
    {"extend", refuse_change, {}, 0, true},   {"insert", refuse_change, {}, 0, true},
    {"pop", refuse_change, {}, 0, true},      {"remove", refuse_change, {}, 0, true},
    {"reverse", refuse_change, {}, 0, true},  {"sort", refuse_change, {}, 0, true},
    {"clear", refuse_change, {}, 0, true},
};

const Function loop_methods[] = {
    {"cycle", cycle, {}, 1, true},
    {"changed", changed, {}, 0, true},
};

template <std::size_t N>
const Function* find_in(const Function (&table)[N], std::string_view name) {
  const auto found = std::find_if(table, table + N, [&](const Function& f) { return f.name == name; });
  return found == table + N ? nullptr : found;
}

}  // namespace

Value dict_items(Runtime& runtime, const Dict& dict) {
  std::vector<Value> pairs;
  for (const auto& [key, value] : dict.items()) pairs.push_back(made(runtime, std::vector<Value>{key, value}, true));
  return made(runtime, std::move(pairs));
}

const Function* find_method(const Value& self, std::string_view name) {
  if (as_text(self)) return find_string_method(name);
  if (as_dict(self)) return find_in(dict_methods, name);
  if (as_list(self)) return find_in(list_methods, name);
  if (get_if<LoopPtr>(self)) return find_in(loop_methods, name);
  return nullptr;
}

}  // namespace clawrl::jinja
