#include "prompt/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "core/error.hpp"
#include "prompt/utf8.hpp"

namespace clawrl {

namespace {

struct Range {
  char32_t first, last;
};

/// Starters that NFC keeps and that never join with what stands before them. Not all of them: the common scripts.
constexpr Range stable[] = {{0x0391, 0x03A9}, {0x03B1, 0x03C9},   {0x0400, 0x0481},  {0x048A, 0x052F}, {0x0531, 0x0556},
                            {0x0561, 0x0587}, {0x05D0, 0x05EA},   {0x0621, 0x064A},  {0x0E01, 0x0E30}, {0x10D0, 0x10FA},
                            {0x1E02, 0x1E99}, {0x1EA0, 0x1EF9},   {0x2010, 0x2027},  {0x2030, 0x205E}, {0x20A0, 0x20C0},
                            {0x2190, 0x21FF}, {0x2200, 0x2328},   {0x2400, 0x2426},  {0x2460, 0x2ADB}, {0x3001, 0x3029},
                            {0x3041, 0x3096}, {0x30A1, 0x30FA},   {0x3400, 0x4DBF},  {0x4E00, 0x9FFF}, {0xAC00, 0xD7A3},
                            {0xFF01, 0xFFEE}, {0x1F300, 0x1FAFF}, {0x20000, 0x2A6DF}};

bool is_stable(char32_t code) {
  const auto* found = std::partition_point(std::begin(stable), std::end(stable),
                                           [code](const Range& range) { return range.last < code; });
  return found != std::end(stable) && found->first <= code;
}

}  // namespace

std::size_t surely_nfc_prefix(std::string_view text) {
  // Nothing below U+0300 composes or decomposes under NFC, and U+0300 starts with byte 0xCC.
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0xCC) {
      ++i;
      continue;
    }
    if (!is_stable(code_point(text.substr(i)))) return i;
    i += byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
  }
  return text.size();
}

bool is_surely_nfc(std::string_view text) {
  return surely_nfc_prefix(text) == text.size();
}

std::string nfc(std::string_view text) {
  if (is_surely_nfc(text)) return std::string(text);
  utf8proc_uint8_t* made = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &made, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
  expect(length >= 0, std::string("NFC of a text failed: ") + utf8proc_errmsg(length));
  return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(length)};
}

bool is_white_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
         code == 0x3000;
}

}  // namespace clawrl
