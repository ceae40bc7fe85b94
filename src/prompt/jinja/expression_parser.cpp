#include "prompt/jinja/expression_parser.hpp"

#include <array>

#include "prompt/jinja/builtins.hpp"

namespace clawrl::jinja {

using Kind = ExpressionKind;

ExpressionParser::Nesting::Nesting(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.depth_ <= parser_.limits_.parse_depth) return;
  --parser_.depth_;
  parser_.fail(parser_.now(), "limit parse_depth = " + std::to_string(parser_.limits_.parse_depth) + " exceeded");
}

Token ExpressionParser::take() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::skip_symbol(std::string_view symbol) {
  return now().is_symbol(symbol) && (++at_, true);
}
bool ExpressionParser::skip_name(std::string_view wanted) {
  return now().is_name(wanted) && (++at_, true);
}

void ExpressionParser::want_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) unexpected("'" + std::string(symbol) + "'");
}

Symbol ExpressionParser::name(const char* what) {
  if (now().kind != TokenKind::name) unexpected(what);
  return intern(take().text);
}

void ExpressionParser::unexpected(const std::string& wanted) const {
  static const char* const kinds[] = {
      "text",     "a tag",    "the end of the tag", "an output", "the end of the output",  "",
      "a string", "a number", "a number",           "",          "the end of the template"};
  const Token& token = now();
  const bool shown = token.kind == TokenKind::name || token.kind == TokenKind::symbol;
  fail(token, wanted + " is expected, not " + (shown ? "'" + token.text + "'" : kinds[static_cast<int>(token.kind)]));
}

ExpressionPtr ExpressionParser::finish(ExpressionPtr made) {
  for (const auto& child : made->children)
    if (child) made->height = std::max(made->height, child->height + 1);
  for (const auto& [key, value] : made->named) made->height = std::max(made->height, value->height + 1);
  if (made->height > limits_.parse_depth)
    throw SourceError(made->position, "limit parse_depth = " + std::to_string(limits_.parse_depth) + " exceeded");
  return made;
}

ExpressionPtr ExpressionParser::make(Kind kind, Position position, std::vector<ExpressionPtr> children) {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->position = position;
  made->children = std::move(children);
  return finish(std::move(made));
}

namespace {

template <class... Each>
std::vector<ExpressionPtr> group(Each... each) {
  std::vector<ExpressionPtr> all;
  (all.push_back(std::move(each)), ...);
  return all;
}

}  // namespace

ExpressionPtr ExpressionParser::literal(Value value) {
  auto made = make(Kind::literal, now().position, {});
  made->value = std::move(value);
  return made;
}

bool ExpressionParser::ends_expression() const {
  const Token& token = now();
  return token.kind == TokenKind::block_end || token.kind == TokenKind::variable_end || token.kind == TokenKind::end ||
         token.is_symbol(")") || token.is_name("if") || token.is_name("recursive");
}

ExpressionPtr ExpressionParser::tuple(bool with_conditional) {
  const Position position = now().position;
  std::vector<ExpressionPtr> parts;
  do {
    if (!parts.empty() && ends_expression()) break;
    parts.push_back(with_conditional ? expression() : logical_or());
  } while (skip_symbol(","));
  if (parts.size() == 1 && !tokens_[at_ - 1].is_symbol(",")) return std::move(parts.front());
  return make(Kind::tuple, position, std::move(parts));
}

ExpressionPtr ExpressionParser::expression() {
  const Nesting nesting(*this);
  auto node = logical_or();
  while (now().is_name("if")) {
    const Position position = take().position;
    auto condition = logical_or();
    auto other = skip_name("else") ? expression() : nullptr;
    node = make(Kind::conditional, position, group(std::move(condition), std::move(node), std::move(other)));
  }
  return node;
}

ExpressionPtr ExpressionParser::logical_or() {
  auto node = logical_and();
  while (now().is_name("or")) {
    const Position position = take().position;
    node = make(Kind::logical_or, position, group(std::move(node), logical_and()));
  }
  return node;
}

ExpressionPtr ExpressionParser::logical_and() {
  auto node = logical_not();
  while (now().is_name("and")) {
    const Position position = take().position;
    node = make(Kind::logical_and, position, group(std::move(node), logical_not()));
  }
  return node;
}

ExpressionPtr ExpressionParser::logical_not() {
  if (!now().is_name("not")) return compare();
  const Nesting nesting(*this);
  const Position position = take().position;
  return make(Kind::logical_not, position, group(logical_not()));
}

ExpressionPtr ExpressionParser::compare() {
  static constexpr std::array<std::pair<std::string_view, Comparison>, 6> symbols = {
      {{"==", Comparison::equal},
       {"!=", Comparison::unequal},
       {"<", Comparison::less},
       {"<=", Comparison::less_equal},
       {">", Comparison::greater},
       {">=", Comparison::greater_equal}}};
  const Position position = now().position;
  std::vector<ExpressionPtr> parts;
  std::vector<Comparison> operators;
  parts.push_back(sum());
  while (true) {
    const std::size_t before = operators.size();
    for (const auto& [symbol, comparison] : symbols)
      if (operators.size() == before && skip_symbol(symbol)) operators.push_back(comparison);
    if (operators.size() == before && skip_name("in")) operators.push_back(Comparison::in);
    if (operators.size() == before && now().is_name("not") && next().is_name("in")) {
      at_ += 2;
      operators.push_back(Comparison::not_in);
    }
    if (operators.size() == before) break;
    parts.push_back(sum());
  }
  if (operators.empty()) return std::move(parts.front());
  auto node = make(Kind::compare, position, std::move(parts));
  node->operators = std::move(operators);
  return node;
}

ExpressionPtr ExpressionParser::sum() {
  auto node = concat();
  while (now().is_symbol("+") || now().is_symbol("-")) {
    const Token token = take();
    node = make(token.text == "+" ? Kind::add : Kind::subtract, token.position, group(std::move(node), concat()));
  }
  return node;
}

ExpressionPtr ExpressionParser::concat() {
  const Position position = now().position;
  std::vector<ExpressionPtr> parts;
  do parts.push_back(product());
  while (skip_symbol("~"));
  return parts.size() == 1 ? std::move(parts.front()) : make(Kind::concat, position, std::move(parts));
}

ExpressionPtr ExpressionParser::product() {
  auto node = power();
  while (true) {
    const Token& token = now();
    const Kind kind = token.is_symbol("*")    ? Kind::multiply
                      : token.is_symbol("/")  ? Kind::divide
                      : token.is_symbol("//") ? Kind::floor_divide
                      : token.is_symbol("%")  ? Kind::modulo
                                              : Kind::literal;
    if (kind == Kind::literal) return node;
    const Position position = take().position;
    node = make(kind, position, group(std::move(node), power()));
  }
}

ExpressionPtr ExpressionParser::power() {
  auto node = unary(true);
  while (now().is_symbol("**")) {
    const Position position = take().position;
    node = make(Kind::power, position, group(std::move(node), unary(true)));
  }
  return node;
}

ExpressionPtr ExpressionParser::unary(bool with_filter) {
  const Nesting nesting(*this);
  ExpressionPtr node;
  if (now().is_symbol("-") || now().is_symbol("+")) {
    const Token token = take();
    node = make(token.text == "-" ? Kind::negate : Kind::plus, token.position, group(unary(false)));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filter ? filters(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr node) {
  while (true) {
    if (skip_symbol("|")) {
      node = one_filter(std::move(node));
    } else if (now().is_name("is")) {
      node = test(std::move(node));
    } else if (now().is_symbol("(")) {
      const Position position = take().position;
      node = call(std::move(node), position);
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::one_filter(ExpressionPtr value) {
  const Token token = now();
  const Symbol symbol = name("the name of a filter");
  const Function* function = find_filter(*symbol);
  if (!function) fail(token, "there is no filter '" + *symbol + "'");
  auto node = make(Kind::filter, token.position, group(std::move(value)));
  node->name = symbol;
  node->function = function;
  if (skip_symbol("(")) arguments(*node);
  return finish(std::move(node));
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
  take();
  const bool negated = skip_name("not");
  const Token token = now();
  const Symbol symbol = name("the name of a test");
  const Function* function = find_test(*symbol);
  if (!function) fail(token, "there is no test '" + *symbol + "'");
  auto node = make(Kind::test, token.position, group(std::move(value)));
  node->name = symbol;
  node->function = function;
  const Token& after = now();
  const bool bare = after.kind == TokenKind::string || after.kind == TokenKind::integer ||
                    after.kind == TokenKind::real || after.is_symbol("[") || after.is_symbol("{") ||
                    (after.kind == TokenKind::name && !after.is_name("else") && !after.is_name("or") &&
                     !after.is_name("and") && !after.is_name("if") && !after.is_name("is"));
  if (skip_symbol("("))
    arguments(*node);
  else if (bare && function->parameters.size() + function->variadic > 0)
    node->children.push_back(postfix(primary()));
  node = finish(std::move(node));
  return negated ? make(Kind::logical_not, token.position, group(std::move(node))) : std::move(node);
}

}  // namespace clawrl::jinja
