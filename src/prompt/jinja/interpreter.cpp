#include "prompt/jinja/interpreter.hpp"

#include <algorithm>

#include "prompt/jinja/interpreter_scopes.hpp"

namespace clawrl::jinja {

using Kind = StatementKind;

/// Namespaces may hold each other; emptied one by one they free no chain.
Interpreter::~Interpreter() {
  for (const NamespacePtr& space : runtime_.namespaces) space->attributes.clear();
}

void Interpreter::push_frame(std::size_t parent) {
  frames_.push_back({parent, ++serial_, {}});
  current_ = frames_.size() - 1;
}

const Value* Interpreter::find(Symbol name) const {
  for (std::size_t i = current_; i != no_frame; i = frames_[i].parent) {
    if (frames_[i].variables.empty()) continue;
    const auto found = frames_[i].variables.find(name);
    if (found != frames_[i].variables.end()) return &found->second;
  }
  return nullptr;
}

Text Interpreter::run(const Body& body) {
  Text out;
  run(body, out);
  return out;
}

Interpreter::Flow Interpreter::run(const Body& body, Text& out) {
  const Depth depth(*this);
  for (const Statement& statement : body) {
    const Flow flow = run(statement, out);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const Statement& statement, Text& out) {
  at(statement.position);
  budget_.step();
  switch (statement.kind) {
    case Kind::data:
      print(out, statement.text);
      break;
    case Kind::output:
      print(out, evaluate(*statement.expression));
      break;
    case Kind::branch:
      return run(truth(evaluate(*statement.expression)) ? statement.body : statement.other, out);
    case Kind::loop:
      return run_loop(statement, out);
    case Kind::set:
    case Kind::set_block:
      run_set(statement);
      break;
    case Kind::macro:
      frames_[current_].variables[statement.macro->name] =
          MacroValue{statement.macro.get(), current_, frames_[current_].serial};
      break;
    case Kind::scope:
      return run_scope(statement, out);
    case Kind::filter:
      run_filtered(statement, out);
      break;
    case Kind::break_loop:
      return Flow::break_loop;
    case Kind::continue_loop:
      return Flow::continue_loop;
  }
  return Flow::next;
}

void Interpreter::print(Text& out, const Value& value) {
  if (!as_text(value)) budget_.scan(64 * extent_of(value).nodes);
  append_str(out, value);
  budget_.output(out.footprint());
  if (const Text* text = as_text(value)) budget_.scan(text->size());
}

Interpreter::Flow Interpreter::run_scope(const Statement& statement, Text& out) {
  std::vector<Value> values;
  for (const auto& [name, expression] : statement.assignments) values.push_back(evaluate(*expression));
  const Scope scope(*this);
  for (std::size_t i = 0; i < values.size(); ++i) set(statement.assignments[i].first, std::move(values[i]));
  return run(statement.body, out);
}

/// The loop filter sees the loop's names, not the names of an earlier round.
std::vector<Value> Interpreter::loop_items(const Statement& statement) {
  const ListPtr all = elements(runtime_, evaluate(*statement.expression));
  if (!statement.condition) return all->items;
  std::vector<Value> kept;
  for (const Value& one : all->items) {
    budget_.iteration();
    const Scope scope(*this);
    assign(statement.target, one);
    if (truth(evaluate(*statement.condition))) kept.push_back(one);
  }
  return kept;
}

Interpreter::Flow Interpreter::run_loop(const Statement& statement, Text& out) {
  const Value items = made(runtime_, loop_items(statement));
  auto loop = std::make_shared<Loop>();
  loop->items = *get_if<ListPtr>(items);
  const std::size_t count = loop->items->items.size();
  if (count == 0) {
    const Scope scope(*this);
    return run(statement.other, out);
  }
  Flow flow = Flow::next;
  for (; loop->index < count && flow != Flow::break_loop; ++loop->index) {
    at(statement.position);
    budget_.iteration();
    const Scope scope(*this);
    if (loop_symbol_) set(loop_symbol_, loop);
    assign(statement.target, loop->items->items[loop->index]);
    flow = run(statement.body, out);
  }
  return Flow::next;
}

void Interpreter::assign(const Target& target, Value value) {
  if (target.attribute) {
    const Value* found = find(target.names[0]);
    const auto* space = found ? get_if<NamespacePtr>(*found) : nullptr;
    if (!space) throw Problem("only a namespace has attributes that can be set; '" + *target.names[0] + "' is none");
    (*space)->attributes[*target.attribute] = std::move(value);
    return;
  }
  if (!target.tuple) return set(target.names[0], std::move(value));
  const ListPtr parts = elements(runtime_, value);
  if (parts->items.size() != target.names.size())
    throw Problem(std::to_string(target.names.size()) + " names cannot take " + std::to_string(parts->items.size()) +
                  " values");
  for (std::size_t i = 0; i < target.names.size(); ++i) set(target.names[i], parts->items[i]);
}

void Interpreter::run_set(const Statement& statement) {
  if (statement.kind == Kind::set) return assign(statement.target, evaluate(*statement.expression));
  Text text;
  {
    const Scope scope(*this);
    run(statement.body, text);
  }
  Value value = made(runtime_, std::move(text));
  const Value* before = std::exchange(filtered_, &value);
  Value result = evaluate(*statement.expression);
  filtered_ = before;
  assign(statement.target, std::move(result));
}

void Interpreter::run_filtered(const Statement& statement, Text& out) {
  Text text;
  {
    const Scope scope(*this);
    run(statement.body, text);
  }
  const Value value = made(runtime_, std::move(text));
  const Value* before = std::exchange(filtered_, &value);
  const Value result = evaluate(*statement.expression);
  filtered_ = before;
  print(out, result);
}

Value Interpreter::call_macro(const MacroValue& called, Arguments given) {
  const Macro& macro = *called.macro;
  const std::string name = "macro " + *macro.name;
  if (called.frame >= frames_.size() || frames_[called.frame].serial != called.frame_serial)
    throw Problem(name + " is called after the block that it was defined in");
  const Depth depth(*this);
  const std::size_t count = macro.parameters.size(), plain = count - macro.defaults.size();
  if (given.positional.size() > count) throw Problem(name + " takes " + std::to_string(count) + " arguments at most");
  const Scope scope(*this, called.frame);
  std::vector<bool> is_set(count, false);
  const auto put = [&](std::size_t i, Value value) {
    set(macro.parameters[i], std::move(value));
    is_set[i] = true;
  };
  for (std::size_t i = 0; i < given.positional.size(); ++i) put(i, std::move(given.positional[i]));
  for (auto& [key, value] : given.named) {
    const auto place = std::find_if(macro.parameters.begin(), macro.parameters.end(),
                                    [&named = key](Symbol p) { return *p == named; });
    if (place == macro.parameters.end()) throw Problem(name + " has no argument '" + key + "'");
    put(static_cast<std::size_t>(place - macro.parameters.begin()), std::move(value));
  }
  for (std::size_t i = 0; i < count; ++i)
    if (!is_set[i]) put(i, i < plain ? Value(Undefined{macro.parameters[i]}) : evaluate(*macro.defaults[i - plain]));
  const Value* before = std::exchange(filtered_, nullptr);
  Text out;
  run(macro.body, out);
  filtered_ = before;
  return made(runtime_, std::move(out));
}

}  // namespace clawrl::jinja
