// The expressions of the interpreter.

#include "prompt/jinja/interpreter_scopes.hpp"
#include "prompt/jinja/text_functions.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {

using Kind = ExpressionKind;

Value Interpreter::evaluate(const Expression& e) {
  const Depth depth(*this);
  at(e.position);
  budget_.step();
  switch (e.kind) {
    case Kind::literal:
      return e.value;
    case Kind::filtered:
      return *filtered_;
    case Kind::name:
      return evaluate_name(e);
    case Kind::tuple:
    case Kind::list:
      return evaluate_list(e);
    case Kind::dict:
      return evaluate_dict(e);
    case Kind::slice:
      return evaluate_slice(e);
    case Kind::call:
      return evaluate_call(e);
    case Kind::concat:
      return evaluate_concat(e);
    case Kind::compare:
      return evaluate_compare(e);
    case Kind::logical_not:
      return !truth(evaluate(*e.children[0]));
    case Kind::logical_and:
    case Kind::logical_or: {
      Value left = evaluate(*e.children[0]);
      return truth(left) == (e.kind == Kind::logical_or) ? left : evaluate(*e.children[1]);
    }
    case Kind::conditional:
      if (truth(evaluate(*e.children[0]))) return evaluate(*e.children[1]);
      return e.children[2] ? evaluate(*e.children[2]) : Value(Undefined{});
    case Kind::attribute: {
      const Value self = evaluate(*e.children[0]);
      at(e.position);
      return attribute(self, *e.name, e.name);
    }
    case Kind::item: {
      const Value self = evaluate(*e.children[0]);
      const Value key = evaluate(*e.children[1]);
      at(e.position);
      return item(runtime_, self, key);
    }
    case Kind::filter:
    case Kind::test: {
      const Value self = evaluate(*e.children[0]);
      Arguments given = arguments(e);
      at(e.position);
      return invoke(*e.function, runtime_, self, std::move(given));
    }
    default:
      return evaluate_arithmetic(e);
  }
}

Value Interpreter::evaluate_name(const Expression& e) {
  if (const Value* found = find(e.name)) return *found;
  if (const Function* function = find_global(*e.name)) return function;
  return Undefined{e.name};
}

Value Interpreter::evaluate_list(const Expression& e) {
  std::vector<Value> items;
  for (const auto& child : e.children) items.push_back(evaluate(*child));
  at(e.position);
  return made(runtime_, std::move(items), e.kind == Kind::tuple);
}

Value Interpreter::evaluate_dict(const Expression& e) {
  Dict dict;
  for (std::size_t i = 0; i < e.children.size(); i += 2) {
    Value key = evaluate(*e.children[i]);
    dict.set(std::move(key), evaluate(*e.children[i + 1]));
  }
  at(e.position);
  budget_.list(4 * e.children.size());
  return dict_value(std::move(dict));
}

Value Interpreter::evaluate_slice(const Expression& e) {
  const Value self = evaluate(*e.children[0]);
  std::int64_t bounds[3] = {0, 0, 1};
  const std::int64_t* given[3] = {nullptr, nullptr, nullptr};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!e.children[i + 1]) continue;
    const Value bound = evaluate(*e.children[i + 1]);
    at(e.position);
    if (is_none(bound)) continue;
    if (!to_integer(bound, bounds[i])) throw Problem("a slice takes integers, not " + describe(bound));
    given[i] = &bounds[i];
  }
  at(e.position);
  if (given[2] && bounds[2] == 0) throw Problem("a slice needs a step other than 0");
  const Text* text = as_text(self);
  if (!text && !as_list(self)) throw Problem(describe(self) + " cannot be sliced");
  budget_.scan(text ? text->size() : 0);
  const auto count = static_cast<std::int64_t>(length_of(self));
  const auto indices = [&] { return slice_indices(count, given[0], given[1], bounds[2]); };
  if (!text) {
    std::vector<Value> items;
    for (const std::size_t i : indices()) items.push_back(as_list(self)->items[i]);
    return made(runtime_, std::move(items), as_list(self)->tuple);
  }
  std::vector<std::size_t> starts;  // of characters
  for (std::size_t i = 0; i < text->size(); i += utf8_step(std::string_view(text->bytes()).substr(i)).length)
    starts.push_back(i);
  starts.push_back(text->size());
  Text part;
  for (const std::size_t i : indices()) part.append(*text, starts[i], starts[i + 1]);
  return made(runtime_, std::move(part));
}

Arguments Interpreter::arguments(const Expression& e) {
  Arguments all;
  for (std::size_t i = 1; i < e.children.size(); ++i) all.positional.push_back(evaluate(*e.children[i]));
  for (const auto& [name, value] : e.named) all.named.emplace_back(*name, evaluate(*value));
  return all;
}

Value Interpreter::evaluate_call(const Expression& e) {
  const Value called = evaluate(*e.children[0]);
  Arguments given = arguments(e);
  at(e.position);
  if (const auto* function = get_if<const Function*>(called))
    return invoke(**function, runtime_, None{}, std::move(given));
  if (const auto* macro = get_if<MacroValue>(called)) return call_macro(*macro, std::move(given));
  if (const auto* method = get_if<MethodPtr>(called)) {
    const Method& bound = **method;
    return invoke(*find_method(bound.self, bound.name), runtime_, bound.self, std::move(given));
  }
  const Expression& what = *e.children[0];
  const std::string name = what.name ? "'" + *what.name + "'" : "this";
  if (what.kind == Kind::attribute) throw Problem("there is no method " + name + " here");
  throw Problem(name + " is " + (is_undefined(called) ? "undefined" : describe(called)) + " and cannot be called");
}

Value Interpreter::evaluate_concat(const Expression& e) {
  Text text;
  for (const auto& child : e.children) {
    const Value part = evaluate(*child);
    budget_.scan(64 * extent_of(part).nodes);
    append_str(text, part);
  }
  at(e.position);
  return made(runtime_, std::move(text));
}

bool Interpreter::compare(Comparison operation, const Value& a, const Value& b) {
  if (operation == Comparison::equal) return equal_paid(runtime_, a, b);
  if (operation == Comparison::unequal) return !equal_paid(runtime_, a, b);
  if (operation == Comparison::in) return contains(runtime_, b, a);
  if (operation == Comparison::not_in) return !contains(runtime_, b, a);
  budget_.step(static_cast<std::int64_t>(std::min(extent_of(a).nodes, extent_of(b).nodes)));
  if (const Text* text = as_text(a)) budget_.scan(text->size());
  double x = 0, y = 0;
  const bool numbers = to_double(a, x) && to_double(b, y);
  if (numbers && (x != x || y != y)) return false;
  if (operation == Comparison::less) return less(a, b);
  if (operation == Comparison::greater) return less(b, a);
  return operation == Comparison::less_equal ? !less(b, a) : !less(a, b);
}

Value Interpreter::evaluate_compare(const Expression& e) {
  Value left = evaluate(*e.children[0]);
  for (std::size_t i = 0; i < e.operators.size(); ++i) {
    Value right = evaluate(*e.children[i + 1]);
    at(e.position);
    if (!compare(e.operators[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate_arithmetic(const Expression& e) {
  const Value left = evaluate(*e.children[0]);
  if (e.kind == Kind::negate || e.kind == Kind::plus) {
    at(e.position);
    double number = 0;
    if (!to_double(left, number)) throw Problem("a number is expected, not " + describe(left));
    if (e.kind == Kind::negate && get_if<double>(left)) return -number;
    return arithmetic(runtime_, e.kind == Kind::plus ? Kind::add : Kind::subtract, std::int64_t{0}, left);
  }
  const Value right = evaluate(*e.children[1]);
  at(e.position);
  return arithmetic(runtime_, e.kind, left, right);
}

}  // namespace clawrl::jinja
