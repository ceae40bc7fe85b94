#include "prompt/jinja/builtins.hpp"

#include <algorithm>

#include "prompt/utf8.hpp"

namespace clawrl::jinja {

Value invoke(const Function& function, Runtime& runtime, const Value& self, Arguments arguments) {
  Call call{runtime, self, {}, {}};
  const std::string name(function.name);
  if (function.variadic) {
    if (arguments.positional.size() < function.required) throw Problem(name + " needs an argument");
    call.rest = std::move(arguments);
    return function.call(call);
  }
  const auto& parameters = function.parameters;
  call.arguments.resize(parameters.size());
  if (arguments.positional.size() > parameters.size())
    throw Problem(name + " takes " + std::to_string(parameters.size()) + " arguments at most");
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) call.arguments[i] = std::move(arguments.positional[i]);
  for (auto& [key, value] : arguments.named) {
    const auto place = std::find(parameters.begin(), parameters.end(), key);
    if (place == parameters.end()) throw Problem(name + " has no argument '" + key + "'");
    auto& slot = call.arguments[static_cast<std::size_t>(place - parameters.begin())];
    if (slot) throw Problem(name + " got its argument '" + key + "' twice");
    slot = std::move(value);
  }
  for (std::size_t i = 0; i < function.required; ++i)
    if (!call.arguments[i]) throw Problem(name + " needs its argument '" + std::string(parameters[i]) + "'");
  return function.call(call);
}

Value made(Runtime& runtime, Text text) {
  runtime.budget.string(text.footprint());
  return text_value(std::move(text));
}

Value made(Runtime& runtime, std::vector<Value> items, bool tuple) {
  runtime.budget.list(items.size());
  return list_value(std::move(items), tuple);
}

const Text& text_argument(const Call& call, std::size_t i) {
  const Text* text = as_text(call[i]);
  if (!text) throw Problem("a string is expected as argument, not " + describe(call[i]));
  return *text;
}

std::int64_t integer_argument(const Call& call, std::size_t i) {
  std::int64_t number = 0;
  if (!to_integer(call[i], number)) throw Problem("an integer is expected as argument, not " + describe(call[i]));
  return number;
}

Text str(Runtime& runtime, const Value& value) {
  runtime.budget.scan(extent_of(value).nodes * 64);
  Text text;
  append_str(text, value);
  runtime.budget.string(text.footprint());
  return text;
}

const Text& self_text(const Call& call) {
  const Text* text = as_text(call.self);
  if (!text) throw Problem("a string is expected, not " + describe(call.self));
  call.runtime.budget.scan(text->size());
  return *text;
}

bool equal_paid(Runtime& runtime, const Value& a, const Value& b) {
  const Text *left = as_text(a), *right = as_text(b);
  if (left && right)
    runtime.budget.scan(std::min(left->size(), right->size()));
  else
    runtime.budget.step(static_cast<std::int64_t>(std::min(extent_of(a).nodes, extent_of(b).nodes)));
  return equal(a, b);
}

namespace {

Value loop_attribute(const Loop& loop, const std::string& name) {
  const auto index = static_cast<std::int64_t>(loop.index), count = static_cast<std::int64_t>(loop.items->items.size());
  if (name == "index") return index + 1;
  if (name == "index0") return index;
  if (name == "revindex") return count - index;
  if (name == "revindex0") return count - index - 1;
  if (name == "first") return index == 0;
  if (name == "last") return index + 1 == count;
  if (name == "length") return count;
  if (name == "depth") return std::int64_t{1};  // counts recursive loops only, which there are none of
  if (name == "depth0") return std::int64_t{0};
  if (name == "previtem" && index > 0) return loop.items->items[loop.index - 1];
  if (name == "nextitem" && index + 1 < count) return loop.items->items[loop.index + 1];
  return Undefined{};
}

Value character_at(Runtime& runtime, const Text& text, std::int64_t index) {
  runtime.budget.scan(text.size());
  const auto count = static_cast<std::int64_t>(count_characters(text.bytes()));
  if (index < 0) index += count;
  if (index < 0 || index >= count) return Undefined{};
  std::size_t begin = 0;
  for (; index > 0; --index) begin += utf8_step(std::string_view(text.bytes()).substr(begin)).length;
  return made(runtime, text.slice(begin, begin + utf8_step(std::string_view(text.bytes()).substr(begin)).length));
}

}  // namespace

Value attribute(const Value& self, const std::string& name, const std::string* shown) {
  if (is_undefined(self)) throw Problem(describe(self) + " has no attribute '" + name + "'");
  if (const auto* space = get_if<NamespacePtr>(self)) {
    const auto found = (*space)->attributes.find(name);
    return found == (*space)->attributes.end() ? Value(Undefined{shown}) : found->second;
  }
  if (find_method(self, name)) return std::make_shared<const Method>(Method{self, name});
  if (const auto* loop = get_if<LoopPtr>(self)) return loop_attribute(**loop, name);
  if (const Dict* dict = as_dict(self))
    if (const Value* found = dict->find(name)) return *found;
  return Undefined{shown};
}

Value item(Runtime& runtime, const Value& self, const Value& key) {
  if (is_undefined(self)) throw Problem(describe(self) + " has no items");
  if (const Text* text = as_text(key)) runtime.budget.scan(text->size());
  if (const Dict* dict = as_dict(self))
    if (const Value* found = dict->find(key)) return *found;
  std::int64_t index = 0;
  if (to_integer(key, index)) {
    if (const Text* text = as_text(self)) return character_at(runtime, *text, index);
    const List* list = as_list(self);
    if (!list) return Undefined{};
    const auto count = static_cast<std::int64_t>(list->items.size());
    if (index < 0) index += count;
    return index < 0 || index >= count ? Value(Undefined{}) : list->items[static_cast<std::size_t>(index)];
  }
  const Text* name = as_text(key);
  return name ? attribute(self, name->bytes()) : Value(Undefined{});
}

ListPtr elements(Runtime& runtime, const Value& value) {
  if (const auto* list = get_if<ListPtr>(value)) return *list;
  std::vector<Value> items;
  if (const Dict* dict = as_dict(value)) {
    for (const auto& [key, one] : dict->items()) items.push_back(key);
  } else if (const Text* text = as_text(value)) {
    runtime.budget.list(count_characters(text->bytes()));
    for (std::size_t i = 0; i < text->size();) {
      const std::size_t length = utf8_step(std::string_view(text->bytes()).substr(i)).length;
      items.push_back(made(runtime, text->slice(i, i + length)));
      i += length;
    }
  } else if (!is_undefined(value)) {
    throw Problem(describe(value) + " cannot be iterated over");
  }
  return *get_if<ListPtr>(made(runtime, std::move(items)));
}

bool contains(Runtime& runtime, const Value& haystack, const Value& needle) {
  if (const Text* text = as_text(haystack)) {
    const Text* part = as_text(needle);
    if (!part) throw Problem("only a string can be in a string, not " + describe(needle));
    runtime.budget.search(text->size(), part->size() + 1);
    return text->bytes().find(part->bytes()) != std::string::npos;
  }
  if (const List* list = as_list(haystack)) {
    return std::any_of(list->items.begin(), list->items.end(),
                       [&](const Value& one) { return equal_paid(runtime, one, needle); });
  }
  if (const Dict* dict = as_dict(haystack)) {
    if (const Text* text = as_text(needle)) runtime.budget.scan(text->size());
    return dict->find(needle) != nullptr;
  }
  if (is_undefined(haystack)) return false;
  throw Problem("nothing can be 'in' " + describe(haystack));
}

std::size_t length_of(const Value& value) {
  if (is_undefined(value)) return 0;
  if (const Text* text = as_text(value)) return count_characters(text->bytes());
  if (const List* list = as_list(value)) return list->items.size();
  if (const Dict* dict = as_dict(value)) return dict->items().size();
  throw Problem(describe(value) + " has no length");
}

}  // namespace clawrl::jinja
