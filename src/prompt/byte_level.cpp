#include "prompt/byte_level.hpp"

#include <array>

#include "prompt/utf8.hpp"

namespace clawrl {
namespace {

bool is_printable(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

struct Alphabet {
  std::array<int, 256> rank{};
  std::array<std::string, 256> character;  // by byte
  std::array<int, 512> byte_of{};          // by code point; -1 = not in the alphabet

  Alphabet() {
    byte_of.fill(-1);
    int next_rank = 0;
    for (int byte = 0; byte < 256; ++byte)
      if (is_printable(byte)) add(byte, next_rank++, byte);
    int next_code = 256;
    for (int byte = 0; byte < 256; ++byte)
      if (!is_printable(byte)) add(byte, next_rank++, next_code++);
  }

  void add(int byte, int place, int code) {
    const auto b = static_cast<std::size_t>(byte), c = static_cast<std::size_t>(code);
    rank[b] = place;
    character[b] = to_utf8(static_cast<char32_t>(code));
    byte_of[c] = byte;
  }
};

const Alphabet& alphabet() {
  static const Alphabet made;
  return made;
}

}  // namespace

int byte_level_rank(unsigned char byte) {
  return alphabet().rank[byte];
}

std::string byte_level_encode(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += alphabet().character[static_cast<unsigned char>(byte)];
  return text;
}

std::optional<std::string> byte_level_decode(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const char32_t code = code_point(text);
    if (code >= alphabet().byte_of.size() || alphabet().byte_of[code] < 0) return std::nullopt;
    bytes += static_cast<char>(alphabet().byte_of[code]);
    text.remove_prefix(utf8_step(text).length);
  }
  return bytes;
}

}  // namespace clawrl
