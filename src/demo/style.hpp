#pragma once
// How a reply looks: features that are drawn independently, the wishes users have about them (each with its opposite),
// and rules that read them off a text. The rule of a user is never shown to a model.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "demo/problem.hpp"

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
/// The wishes that a hint names, in the order of the enum; nothing when some sentence of it is unknown.
std::optional<std::vector<Wish>> read_hint(std::string_view hint);

/// What can be read off any reply.
struct Observed {
  bool bold = false, list = false, box = false, stock = false, warm = false;
  int words = 0;
};
Observed observe(std::string_view reply);
bool obeys(const Observed& seen, Wish wish);

/// Mostly stiff: bold, list, box and stock phrase each in about half of the replies.
Style stiff_style(Random& random);
/// Drawn like stiff_style, given that it obeys the wishes.
Style style_obeying(Random& random, const std::vector<Wish>& wishes);
std::string render_reply(Random& random, const Problem& problem, const Style& style);

/// What noise can't fake.
struct Substance {
  bool core = false;     // the core sentence about the right person and objects is there
  bool correct = false;  // with the right number
  bool formed = false;   // core, and between 5 and 60 words
};
Substance check_substance(std::string_view reply, const Problem& problem);

}  // namespace clawrl::demo
