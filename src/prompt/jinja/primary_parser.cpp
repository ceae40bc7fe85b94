// The innermost expressions: literals, names, brackets, calls and subscripts.

#include <charconv>

#include "prompt/jinja/builtins.hpp"
#include "prompt/jinja/expression_parser.hpp"

namespace clawrl::jinja {

using Kind = ExpressionKind;

ExpressionPtr ExpressionParser::primary() {
  const Token token = now();
  if (token.is_symbol("(") || token.is_symbol("[") || token.is_symbol("{")) return brackets();
  if (token.kind == TokenKind::integer || token.kind == TokenKind::real) return number(take());
  if (token.kind == TokenKind::string) {
    std::string text;
    while (now().kind == TokenKind::string) text += take().text;  // neighbours are one string, as in Python
    auto node = literal(template_text(std::move(text)));
    node->position = token.position;
    return node;
  }
  if (token.kind != TokenKind::name) unexpected("an expression");
  auto node = make(Kind::name, take().position, {});
  const std::string& text = token.text;
  const bool is_true = text == "true" || text == "True", is_false = text == "false" || text == "False";
  if (!is_true && !is_false && text != "none" && text != "None") {
    node->name = intern(text);
    return node;
  }
  node->kind = Kind::literal;
  if (is_true || is_false) node->value = is_true;
  return node;
}

ExpressionPtr ExpressionParser::number(const Token& token) {
  auto node = make(Kind::literal, token.position, {});
  const char *begin = token.text.data(), *end = begin + token.text.size();
  std::int64_t integer = 0;
  double real = 0;
  const auto read =
      token.kind == TokenKind::integer ? std::from_chars(begin, end, integer) : std::from_chars(begin, end, real);
  if (read.ec != std::errc() || read.ptr != end) fail(token, "the number " + token.text + " is out of range");
  if (token.kind == TokenKind::integer)
    node->value = integer;
  else
    node->value = real;
  return node;
}

ExpressionPtr ExpressionParser::brackets() {
  const Nesting nesting(*this);
  const Token token = take();
  if (token.text == "[") return list();
  if (token.text == "{") return dict();
  if (skip_symbol(")")) return make(Kind::tuple, token.position, {});
  auto node = tuple();
  want_symbol(")");
  return node;
}

ExpressionPtr ExpressionParser::list() {
  const Position position = now().position;
  std::vector<ExpressionPtr> items;
  while (!skip_symbol("]")) {
    if (!items.empty()) want_symbol(",");
    if (skip_symbol("]")) break;
    items.push_back(expression());
  }
  return make(Kind::list, position, std::move(items));
}

ExpressionPtr ExpressionParser::dict() {
  const Position position = now().position;
  std::vector<ExpressionPtr> items;
  while (!skip_symbol("}")) {
    if (!items.empty()) want_symbol(",");
    if (skip_symbol("}")) break;
    items.push_back(expression());
    want_symbol(":");
    items.push_back(expression());
  }
  return make(Kind::dict, position, std::move(items));
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr node) {
  while (true) {
    const Position position = now().position;
    if (skip_symbol(".")) {
      std::vector<ExpressionPtr> of;
      of.push_back(std::move(node));
      if (now().kind == TokenKind::integer) {
        of.push_back(number(take()));
        node = make(Kind::item, position, std::move(of));
      } else {
        const Position place = now().position;
        const Symbol symbol = name("the name of an attribute");
        node = make(Kind::attribute, place, std::move(of));
        node->name = symbol;
      }
    } else if (skip_symbol("[")) {
      node = subscript(std::move(node), position);
    } else if (skip_symbol("(")) {
      node = call(std::move(node), position);
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr node, Position position) {
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(node));
  std::size_t colons = 0;
  if (!now().is_symbol(":"))
    parts.push_back(expression());
  else
    parts.push_back(nullptr);
  while (colons < 2 && skip_symbol(":")) {
    ++colons;
    parts.push_back(now().is_symbol(":") || now().is_symbol("]") ? nullptr : expression());
  }
  want_symbol("]");
  if (colons > 0) parts.resize(4);
  return make(colons > 0 ? Kind::slice : Kind::item, position, std::move(parts));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr node, Position position) {
  if (node->kind == Kind::name) calls_.push_back({node->name, node->position});
  if (node->kind == Kind::name) position = node->position;
  if (node->kind == Kind::attribute) position = node->position;
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(node));
  auto made = make(Kind::call, position, std::move(parts));
  arguments(*made);
  return finish(std::move(made));
}

void ExpressionParser::arguments(Expression& call) {
  bool first = true;
  while (!skip_symbol(")")) {
    if (!first) want_symbol(",");
    first = false;
    if (skip_symbol(")")) break;
    if (now().is_symbol("*") || now().is_symbol("**")) fail(now(), "* and ** in a call are not supported");
    if (now().kind == TokenKind::name && next().is_symbol("=")) {
      const Symbol key = intern(take().text);
      take();
      call.named.emplace_back(key, expression());
    } else {
      if (!call.named.empty()) fail(now(), "a plain argument must stand before the named ones");
      call.children.push_back(expression());
    }
  }
}

}  // namespace clawrl::jinja
