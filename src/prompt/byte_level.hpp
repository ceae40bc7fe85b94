#pragma once
// The byte-level alphabet of GPT-2: every byte has a printable character, and token files are written in those.

#include <optional>
#include <string>
#include <string_view>

namespace clawrl {

/// Place of a byte in the alphabet (= its token id in the usual vocabularies): printable Latin-1 first, then the rest.
int byte_level_rank(unsigned char byte);

/// Bytes -> characters of the alphabet. Example: " a\n" -> "ĠaĊ".
std::string byte_level_encode(std::string_view bytes);

/// Characters of the alphabet -> bytes; nullopt if the (valid UTF-8) text has any other character.
std::optional<std::string> byte_level_decode(std::string_view text);

}  // namespace clawrl
