#include "prompt/jinja/string_literal.hpp"

#include <charconv>

#include "prompt/jinja/limits.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {
namespace {

std::string character(std::string_view digits, std::size_t count, int base, char letter) {
  unsigned code = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, code, base);
  const bool valid = digits.size() == count && read.ec == std::errc() && read.ptr == end && code <= 0x10FFFF &&
                     (code < 0xD800 || code > 0xDFFF);
  if (!valid) throw Problem(std::string("a string has a bad \\") + letter + " escape");
  return to_utf8(code);
}

std::size_t octal_length(std::string_view text) {
  std::size_t length = 0;
  while (length < 3 && length < text.size() && text[length] >= '0' && text[length] <= '7') ++length;
  return length;
}

}  // namespace

std::string resolve_escapes(std::string_view body) {
  static constexpr std::string_view letters = "\\'\"abfnrtv", meanings = "\\'\"\a\b\f\n\r\t\v";
  std::string text;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      text += body[i];
      continue;
    }
    const char letter = body[++i];
    const std::size_t hex = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    if (const auto known = letters.find(letter); known != std::string_view::npos) {
      text += meanings[known];
    } else if (hex > 0) {
      text += character(body.substr(i + 1, hex), hex, 16, letter);
      i += hex;
    } else if (const std::size_t octal = octal_length(body.substr(i)); octal > 0) {
      text += character(body.substr(i, octal), octal, 8, '0');
      i += octal - 1;
    } else if (letter == 'N') {
      throw Problem("\\N{...} in a string is not supported");
    } else if (letter != '\n') {
      text += {'\\', letter};
    }
  }
  return text;
}

}  // namespace clawrl::jinja
