#pragma once
// A template's source cut into tokens.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clawrl::jinja {

/// From 1; columns count characters.
struct Position {
  std::uint32_t line = 1, column = 1;
};

enum class TokenKind : std::uint8_t {
  data,  // text outside of tags
  block_begin,
  block_end,
  variable_begin,
  variable_end,
  name,
  string,
  integer,
  real,
  symbol,  // an operator or bracket
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;  // of a string: its value, escapes resolved
  Position position;
  bool is(TokenKind wanted, std::string_view wanted_text) const { return kind == wanted && text == wanted_text; }
  bool is_symbol(std::string_view symbol) const { return is(TokenKind::symbol, symbol); }
  bool is_name(std::string_view name) const { return is(TokenKind::name, name); }
};

/// As Jinja with trim_blocks and lstrip_blocks on and keep_trailing_newline off, which is how Hugging Face renders.
/// Comments are gone, raw blocks are data. The source must be UTF-8. Throws SourceError.
std::vector<Token> tokenize(std::string_view source);

}  // namespace clawrl::jinja
