#pragma once
// UTF-8 one step at a time, invalid bytes included (Unicode 3.9: one U+FFFD per maximal subpart).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clawrl {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

enum class Utf8Kind : std::uint8_t {
  character,   // a whole, valid character
  invalid,     // a maximal subpart that no further byte can mend
  incomplete,  // the text ends inside a character that is valid so far
};

struct Utf8Step {
  std::size_t length = 0;  // bytes, >= 1
  Utf8Kind kind = Utf8Kind::character;
};

/// What `bytes` starts with; `bytes` must not be empty.
Utf8Step utf8_step(std::string_view bytes);

bool is_valid_utf8(std::string_view bytes);

/// Invalid bytes replaced by U+FFFD; an incomplete character at the end as well.
std::string to_valid_utf8(std::string_view bytes);

/// Code point of a valid character (`bytes` begins with it and may go on).
char32_t code_point(std::string_view bytes);

/// Code point of the last character of a valid text that is not empty.
char32_t last_code_point(std::string_view text);

/// UTF-8 of a code point up to U+10FFFF.
std::string to_utf8(char32_t code);

}  // namespace clawrl
