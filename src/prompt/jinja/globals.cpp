// Functions that a template finds without being given them.

#include <algorithm>
#include <ctime>

#include "prompt/jinja/builtins.hpp"

namespace clawrl::jinja {
namespace {

Value raise_exception(Call& c) {
  Text text = str(c.runtime, c[0]);
  throw Refusal(text.bytes());
}

Value strftime_now(Call& c) {
  const std::string format = text_argument(c, 0).bytes() + ' ';  // so that an empty result is not taken for no room
  if (format.size() > 1000) throw Problem("strftime_now() takes formats of 1000 bytes at most");
  const auto now = static_cast<std::time_t>(c.runtime.now_s);
  std::tm local{};
  localtime_r(&now, &local);
  std::string text(32 * format.size() + 256, '\0');
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &local));
  if (text.empty()) throw Problem("strftime_now() cannot write this format");
  text.pop_back();
  return made(c.runtime, Text::of_template(std::move(text)));
}

Value range(Call& c) {
  std::int64_t begin = 0, end = integer_argument(c, 0), step = 1;
  if (c.has(1)) begin = end, end = integer_argument(c, 1);
  if (c.has(2)) step = integer_argument(c, 2);
  if (step == 0) throw Problem("range() needs a step other than 0");
  std::vector<Value> numbers;
  const std::size_t most = c.runtime.budget.limits().list_items;
  while (step > 0 ? begin < end : begin > end) {
    if (numbers.size() > most) break;
    numbers.emplace_back(begin);
    if (__builtin_add_overflow(begin, step, &begin)) break;
  }
  return made(c.runtime, std::move(numbers));
}

Value make_namespace(Call& c) {
  c.runtime.budget.list(8);
  auto space = std::make_shared<Namespace>();
  for (const Value& given : c.rest.positional) {
    if (!as_dict(given)) throw Problem("namespace() takes a dict or named arguments");
    for (const auto& [key, value] : as_dict(given)->items())
      if (as_text(key)) space->attributes[as_text(key)->bytes()] = value;
  }
  for (auto& [key, value] : c.rest.named) space->attributes[key] = std::move(value);
  c.runtime.namespaces.push_back(space);
  return space;
}

Value make_dict(Call& c) {
  c.runtime.budget.list(8 + c.rest.named.size());
  Dict dict;
  for (const Value& given : c.rest.positional) {
    if (!as_dict(given)) throw Problem("dict() takes a dict or named arguments");
    for (const auto& [key, value] : as_dict(given)->items()) dict.set(key, value);
    c.runtime.budget.list(dict.items().size());
  }
  for (auto& [key, value] : c.rest.named) dict.set(template_text(key), std::move(value));
  return dict_value(std::move(dict));
}

const Function functions[] = {
    {"raise_exception", raise_exception, {"message"}, 1},
    {"strftime_now", strftime_now, {"format"}, 1},
    {"range", range, {"start", "stop", "step"}, 1},
    {"namespace", make_namespace, {}, 0, true},
    {"dict", make_dict, {}, 0, true},
};

}  // namespace

const Function* find_global(std::string_view name) {
  const auto found =
      std::find_if(std::begin(functions), std::end(functions), [&](const Function& f) { return f.name == name; });
  return found == std::end(functions) ? nullptr : found;
}

}  // namespace clawrl::jinja
