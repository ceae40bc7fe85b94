#include "prm/trim.hpp"

#include <algorithm>
#include <string_view>

namespace clawrl {
namespace {

// U+0085, U+00A0, U+1680, U+2000..200A, U+2028, U+2029, U+202F, U+205F, U+3000 and the ASCII ones.
constexpr std::string_view kWide[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
                                      "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
                                      "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
                                      "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
constexpr std::string_view kNarrow = " \t\n\r\f\v";

std::size_t space_at_front(std::string_view text) {
  if (!text.empty() && kNarrow.find(text.front()) != std::string_view::npos) return 1;
  for (auto space : kWide)
    if (text.starts_with(space)) return space.size();
  return 0;
}

std::size_t space_at_back(std::string_view text) {
  if (!text.empty() && kNarrow.find(text.back()) != std::string_view::npos) return 1;
  for (auto space : kWide)
    if (text.ends_with(space)) return space.size();
  return 0;
}

}  // namespace

std::string trim(const std::string& text) {
  std::string_view view = text;
  while (const auto bytes = space_at_front(view)) view.remove_prefix(bytes);
  while (const auto bytes = space_at_back(view)) view.remove_suffix(bytes);
  return std::string(view);
}

std::size_t count_code_points(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace clawrl
