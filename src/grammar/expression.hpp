#pragma once
// What a rule of a grammar is made of.

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace clawrl::grammar {

/// 0..255 is a byte; 256 + k is tag k of the grammar: a token like <tool_call> that counts as one symbol.
using Symbol = std::uint16_t;
constexpr Symbol first_tag = 256;
constexpr int unlimited = -1;

struct Expression {
  enum class Kind : std::uint8_t { symbols, sequence, choice, repeat, call };
  Kind kind = Kind::sequence;
  std::vector<std::pair<Symbol, Symbol>> ranges;  // symbols: one of these, both ends included
  std::vector<Expression> parts;                  // sequence, choice; repeat has one
  int minimum = 0, maximum = 0;                   // repeat; maximum may be `unlimited`
  int rule = -1;                                  // call
};

inline Expression symbols(std::vector<std::pair<Symbol, Symbol>> ranges) {
  return {Expression::Kind::symbols, std::move(ranges), {}, 0, 0, -1};
}
inline Expression one(Symbol symbol) {
  return symbols({{symbol, symbol}});
}
inline Expression sequence(std::vector<Expression> parts) {
  return {Expression::Kind::sequence, {}, std::move(parts), 0, 0, -1};
}
inline Expression nothing() {
  return sequence({});
}
inline Expression choice(std::vector<Expression> parts) {
  return {Expression::Kind::choice, {}, std::move(parts), 0, 0, -1};
}
/// No text at all fits.
inline Expression impossible() {
  return choice({});
}
inline Expression repeat(Expression part, int minimum, int maximum) {
  Expression all{Expression::Kind::repeat, {}, {}, minimum, maximum, -1};
  all.parts.push_back(std::move(part));
  return all;
}
inline Expression optional(Expression part) {
  return repeat(std::move(part), 0, 1);
}
inline Expression call(int rule) {
  return {Expression::Kind::call, {}, {}, 0, 0, rule};
}
inline Expression text(std::string_view bytes) {
  Expression all = nothing();
  for (const char byte : bytes) all.parts.push_back(one(static_cast<unsigned char>(byte)));
  return all;
}

}  // namespace clawrl::grammar
