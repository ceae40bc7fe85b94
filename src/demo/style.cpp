#include "demo/style.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"

namespace clawrl::demo {
namespace {

using Words = std::string_view;

constexpr std::array<Words, wish_count> names = {"no_bold",  "bold",  "no_list", "list",   "no_box", "box",
                                                 "no_stock", "stock", "shorter", "longer", "warmer", "cooler"};
constexpr std::array<Words, wish_count> hints = {
    "Do not use bold text.",   "Use bold text.",         "Do not use a numbered list.", "Use a numbered list.",
    "Do not box the answer.",  "Box the answer.",        "Do not use stock phrases.",   "Open with a stock phrase.",
    "Make the reply shorter.", "Make the reply longer.", "Use a warmer tone.",          "Use a cooler tone."};

Style draw(Random& random, double formal) {
  Style s;
  s.bold = random.chance(formal);
  s.list = random.chance(formal);
  s.box = random.chance(formal);
  s.stock = random.chance(formal);
  s.warm = random.chance(0.15);
  const double u = random.uniform();
  s.extras = u < 0.62 ? 0 : u < 0.9 ? 1 : u < 0.98 ? 2 : 3;
  return s;
}

bool permits(const Style& s, Wish wish) {
  switch (wish) {
    case Wish::no_bold:
      return !s.bold;
    case Wish::bold:
      return s.bold;
    case Wish::no_list:
      return !s.list;
    case Wish::list:
      return s.list;
    case Wish::no_box:
      return !s.box;
    case Wish::box:
      return s.box;
    case Wish::no_stock:
      return !s.stock;
    case Wish::stock:
      return s.stock;
    case Wish::shorter:
      return s.extras == 0 && !s.warm;
    case Wish::longer:
      return s.extras >= 2;
    case Wish::warmer:
      return s.warm;
    case Wish::cooler:
      return !s.warm;
  }
  return false;
}

}  // namespace

Wish opposite(Wish wish) {
  return static_cast<Wish>(static_cast<int>(wish) ^ 1);
}
bool compatible(Wish a, Wish b) {
  const auto pair = std::minmax(a, b);
  return a != b && a != opposite(b) && pair != std::minmax(Wish::shorter, Wish::warmer);
}
const char* name(Wish wish) {
  return names[static_cast<std::size_t>(wish)].data();
}
std::string_view hint_text(Wish wish) {
  return hints[static_cast<std::size_t>(wish)];
}

std::string joined_hints(const std::vector<Wish>& wishes) {
  std::string text;
  for (Wish wish : wishes) text += (text.empty() ? "" : " ") + std::string(hint_text(wish));
  return text;
}

std::optional<std::vector<Wish>> read_hint(std::string_view hint) {
  std::vector<Wish> wishes;
  while (!hint.empty()) {
    bool known = false;
    for (int i = 0; i < wish_count && !known; ++i) {
      const Words sentence = hints[static_cast<std::size_t>(i)];
      if (!hint.starts_with(sentence)) continue;
      known = true;
      wishes.push_back(static_cast<Wish>(i));
      hint.remove_prefix(sentence.size());
      while (hint.starts_with(" ")) hint.remove_prefix(1);
    }
    if (!known) return std::nullopt;
  }
  std::sort(wishes.begin(), wishes.end());
  return wishes;
}

Style stiff_style(Random& random) {
  return draw(random, 0.47);
}

Style style_obeying(Random& random, const std::vector<Wish>& wishes) {
  for (int tries = 0; tries < 100'000; ++tries) {
    const Style style = stiff_style(random);
    if (std::all_of(wishes.begin(), wishes.end(), [&](Wish w) { return permits(style, w); })) return style;
  }
  throw InternalError("no style obeys wishes that contradict each other");
}

}  // namespace clawrl::demo
