#pragma once
// Runs a program once.

#include <unordered_map>
#include <vector>

#include "prompt/jinja/ast.hpp"
#include "prompt/jinja/builtins.hpp"

namespace clawrl::jinja {

class Interpreter {
 public:
  Interpreter(const Limits& limits, double now_s) : budget_(limits), runtime_{budget_, now_s, {}} {
    push_frame(no_frame);
  }
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  void set(Symbol name, Value value) { frames_[current_].variables[name] = std::move(value); }
  /// What the variable `loop` is called in this program's symbols.
  void name_loop(Symbol name) { loop_symbol_ = name; }
  /// Throws Problem or Refusal; where() is then the place.
  Text run(const Body& body);
  Position where() const { return where_; }

 private:
  enum class Flow : std::uint8_t { next, break_loop, continue_loop };
  static constexpr std::size_t no_frame = SIZE_MAX;
  /// Names of one block; what is not found is looked for in `parent`.
  struct Frame {
    std::size_t parent = no_frame;
    std::uint64_t serial = 0;  // no two frames of a run have the same
    std::unordered_map<Symbol, Value> variables;
  };
  class Depth;
  class Scope;

  void push_frame(std::size_t parent);
  const Value* find(Symbol name) const;

  Flow run(const Body& body, Text& out);
  Flow run(const Statement& statement, Text& out);
  Flow run_scope(const Statement& statement, Text& out);
  Flow run_loop(const Statement& statement, Text& out);
  std::vector<Value> loop_items(const Statement& statement);
  void run_set(const Statement& statement);
  void run_filtered(const Statement& statement, Text& out);
  void print(Text& out, const Value& value);
  void assign(const Target& target, Value value);

  Value evaluate(const Expression& e);
  Value evaluate_name(const Expression& e);
  Value evaluate_list(const Expression& e);
  Value evaluate_dict(const Expression& e);
  Value evaluate_slice(const Expression& e);
  Value evaluate_call(const Expression& e);
  Value evaluate_concat(const Expression& e);
  Value evaluate_compare(const Expression& e);
  Value evaluate_arithmetic(const Expression& e);
  bool compare(Comparison operation, const Value& a, const Value& b);
  Arguments arguments(const Expression& e);
  Value call_macro(const MacroValue& called, Arguments arguments);
  void at(Position position) { where_ = position; }

  Budget budget_;
  Runtime runtime_;
  std::vector<Frame> frames_;
  std::size_t current_ = 0;
  std::uint64_t serial_ = 0;
  int depth_ = 0;
  Symbol loop_symbol_ = nullptr;
  const Value* filtered_ = nullptr;  // what a chain of filters without a value begins with
  Position where_;
};

/// a + b and its kin; Problem for values that have no such operation.
Value arithmetic(Runtime& runtime, ExpressionKind operation, const Value& a, const Value& b);

}  // namespace clawrl::jinja
