#pragma once
// A parsed template. Plain data, immutable once parsed.

#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "prompt/jinja/token.hpp"
#include "prompt/jinja/value.hpp"

namespace clawrl::jinja {

/// A name, the same pointer for the same name within one program.
using Symbol = const std::string*;

enum class ExpressionKind : std::uint8_t {
  literal,   // value
  filtered,  // what the body of a filter block or set block rendered to
  name,      // name
  tuple,
  list,       // children
  dict,       // children: key, value, key, value ...
  attribute,  // children[0] . name
  item,       // children[0] [ children[1] ]
  slice,      // children[0] [ children[1] : children[2] : children[3] ], a part left out is null
  call,       // children[0] ( children[1...], named )
  filter,     // children[0] | function ( children[1...], named )
  test,       // children[0] is function ( children[1...] )
  negate,
  plus,
  logical_not,
  logical_and,
  logical_or,
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  concat,       // all children
  compare,      // children[0] operators[0] children[1] operators[1] children[2] ...
  conditional,  // children: condition, value, other value (or null)
};

enum class Comparison : std::uint8_t { equal, unequal, less, less_equal, greater, greater_equal, in, not_in };

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  ExpressionKind kind = ExpressionKind::literal;
  Position position;
  int height = 1;
  Value value = None{};
  Symbol name = nullptr;
  const Function* function = nullptr;
  std::vector<ExpressionPtr> children;
  std::vector<std::pair<Symbol, ExpressionPtr>> named;
  std::vector<Comparison> operators;
};

struct Statement;
using Body = std::vector<Statement>;

/// What a value is assigned to: one name, several (unpacked), or the attribute of a namespace.
struct Target {
  std::vector<Symbol> names;
  Symbol attribute = nullptr;
  bool tuple = false;
};

struct Macro {
  Symbol name = nullptr;
  std::vector<Symbol> parameters;
  std::vector<ExpressionPtr> defaults;  // of the last parameters
  Body body;
};

enum class StatementKind : std::uint8_t {
  data,       // text
  output,     // expression
  branch,     // if expression: body, else: other
  loop,       // for target in expression if condition: body, else: other
  set,        // target = expression
  set_block,  // target = body through filters
  macro,
  scope,   // body with names of its own: with, generation
  filter,  // body through filters
  break_loop,
  continue_loop,
};

struct Statement {
  StatementKind kind = StatementKind::data;
  Position position;
  TextPtr text;
  Target target;
  std::vector<std::pair<Symbol, ExpressionPtr>> assignments;  // of `with`
  ExpressionPtr expression, condition;  // `filter` and `set_block`: a chain of filters on `filtered`
  Body body, other;
  std::unique_ptr<Macro> macro;
};

struct Program {
  Body body;
  std::unordered_set<std::string> symbols;
};

}  // namespace clawrl::jinja
