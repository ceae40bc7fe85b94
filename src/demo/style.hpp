#pragma once
// How a reply looks: features that are drawn independently, and the wishes users have about them, each with its
// opposite and its hint.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "demo/split.hpp"

namespace clawrl::demo {

struct Style {
  bool bold = false, list = false, box = false, stock = false, warm = false;
  int extras = 0;  // further sentences
};

enum class Wish { no_bold, bold, no_list, list, no_box, box, no_stock, stock, shorter, longer, warmer, cooler };
inline constexpr int wish_count = 12;
Wish opposite(Wish wish);
bool compatible(Wish a, Wish b);  // one reply can fulfil both, and they are two
const char* name(Wish wish);

/// The wish as a hint says it, e.g. "Do not use bold text."
std::string_view hint_text(Wish wish);
std::string joined_hints(const std::vector<Wish>& wishes);
/// The wishes that a hint names, in the order of the enum; nothing when some sentence of it is unknown.
std::optional<std::vector<Wish>> read_hint(std::string_view hint);

/// Mostly stiff: bold, list, box and stock phrase each in about half of the replies; seldom warm, seldom long. The
/// features are independent, so that no rule of a user holds in more than a fifth of the replies.
Style stiff_style(Random& random);
/// Drawn like stiff_style, given that it obeys the wishes.
Style style_obeying(Random& random, const std::vector<Wish>& wishes);

}  // namespace clawrl::demo
