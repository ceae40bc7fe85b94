#pragma once
// The expressions of a template; the statements around them are the statement parser's.

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "prompt/jinja/ast.hpp"
#include "prompt/jinja/limits.hpp"
#include "prompt/jinja/source_error.hpp"

namespace clawrl::jinja {

class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, std::unordered_set<std::string>& symbols, const Limits& limits)
      : tokens_(std::move(tokens)), symbols_(symbols), limits_(limits) {}

  /// An expression, or several with commas between (a tuple).
  ExpressionPtr tuple(bool with_conditional = true);
  ExpressionPtr expression();
  /// | f | g(x) on `value`.
  ExpressionPtr filters(ExpressionPtr value);
  /// One filter with its arguments, the bar or the tag's name read already.
  ExpressionPtr one_filter(ExpressionPtr value);
  ExpressionPtr literal(Value value);
  /// The value of a block that filters are put on.
  ExpressionPtr filtered() { return make(ExpressionKind::filtered, now().position, {}); }

  const Token& now() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Token take();
  bool skip_symbol(std::string_view symbol);
  bool skip_name(std::string_view name);
  void want_symbol(std::string_view symbol);
  Symbol name(const char* what);
  Symbol intern(const std::string& text) { return &*symbols_.insert(text).first; }
  [[noreturn]] void fail(const Token& token, const std::string& what) const { throw SourceError(token.position, what); }
  [[noreturn]] void unexpected(const std::string& wanted) const;

  /// Calls of bare names; whether they exist is known when the whole template is read.
  struct NamedCall {
    Symbol name;
    Position position;
  };
  const std::vector<NamedCall>& calls() const { return calls_; }

  /// Counts how deep the parser is in itself.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser);
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    ExpressionParser& parser_;
  };

 private:
  ExpressionPtr make(ExpressionKind kind, Position position, std::vector<ExpressionPtr> children);
  ExpressionPtr finish(ExpressionPtr made);
  ExpressionPtr logical_or();
  ExpressionPtr logical_and();
  ExpressionPtr logical_not();
  ExpressionPtr compare();
  ExpressionPtr sum();
  ExpressionPtr concat();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filter);
  ExpressionPtr primary();
  ExpressionPtr number(const Token& token);
  ExpressionPtr brackets();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node, Position position);
  ExpressionPtr call(ExpressionPtr node, Position position);
  ExpressionPtr test(ExpressionPtr node);
  void arguments(Expression& call);
  bool ends_expression() const;

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::unordered_set<std::string>& symbols_;
  const Limits& limits_;
  int depth_ = 0;
  std::vector<NamedCall> calls_;
};

}  // namespace clawrl::jinja
