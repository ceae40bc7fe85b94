#include "prompt/utf8.hpp"

#include <cstring>

namespace clawrl {
namespace {

unsigned byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

struct LeadByte {
  std::size_t length = 0;            // 0 = cannot start a character
  unsigned low = 0x80, high = 0xBF;  // range of the second byte: no overlong forms, surrogates, or beyond U+10FFFF
};

LeadByte lead_byte(unsigned lead) {
  if (lead < 0x80) return {1};
  if (lead < 0xC2) return {0};
  if (lead < 0xE0) return {2};
  if (lead < 0xF0) return {3, lead == 0xE0 ? 0xA0U : 0x80U, lead == 0xED ? 0x9FU : 0xBFU};
  if (lead < 0xF5) return {4, lead == 0xF0 ? 0x90U : 0x80U, lead == 0xF4 ? 0x8FU : 0xBFU};
  return {0};
}

std::size_t ascii_prefix(std::string_view bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    if (word & 0x8080808080808080ULL) break;
  }
  while (i < bytes.size() && byte_at(bytes, i) < 0x80) ++i;
  return i;
}

}  // namespace

Utf8Step utf8_step(std::string_view bytes) {
  const LeadByte lead = lead_byte(byte_at(bytes, 0));
  if (lead.length == 0) return {1, Utf8Kind::invalid};
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == bytes.size()) return {i, Utf8Kind::incomplete};
    const unsigned low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
    if (byte_at(bytes, i) < low || byte_at(bytes, i) > high) return {i, Utf8Kind::invalid};
  }
  return {lead.length, Utf8Kind::character};
}

bool is_valid_utf8(std::string_view bytes) {
  while (true) {
    bytes.remove_prefix(ascii_prefix(bytes));
    if (bytes.empty()) return true;
    const Utf8Step step = utf8_step(bytes);
    if (step.kind != Utf8Kind::character) return false;
    bytes.remove_prefix(step.length);
  }
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t ascii = ascii_prefix(bytes);
    text.append(bytes.substr(0, ascii));
    bytes.remove_prefix(ascii);
    if (bytes.empty()) break;
    const Utf8Step step = utf8_step(bytes);
    text.append(step.kind == Utf8Kind::character ? bytes.substr(0, step.length) : replacement_character);
    bytes.remove_prefix(step.length);
  }
  return text;
}

char32_t code_point(std::string_view bytes) {
  const unsigned lead = byte_at(bytes, 0);
  if (lead < 0x80) return lead;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte_at(bytes, i) & 0x3FU);
  return code;
}

char32_t last_code_point(std::string_view text) {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && (byte_at(text, begin) & 0xC0) == 0x80) --begin;
  return code_point(text.substr(begin));
}

std::string to_utf8(char32_t code) {
  const auto tail = [code](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace clawrl
