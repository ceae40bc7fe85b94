#include "demo/style.hpp"

#include <algorithm>
#include <array>
#include <cctype>

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

constexpr std::array stock_phrases = {
    Words("Great question!"), Words("Certainly!"),  Words("I would be happy to help."),
    Words("Of course!"),      Words("Absolutely!"), Words("I am glad you asked.")};
constexpr std::array warm_phrases = {Words("You are doing well, keep going."), Words("I believe in you, my friend."),
                                     Words("It is lovely to work with you.")};
constexpr std::array extra_sentences = {
    Words("You can check this by counting."),       Words("Count the objects once more to be sure."),
    Words("The same way works for other numbers."), Words("Read the numbers slowly before you begin."),
    Words("A small drawing makes it easy to see."), Words("Write the numbers down one by one.")};

constexpr int shorter_words = 21;
constexpr int longer_words = 25;

bool contains(Words text, Words part) {
  return text.find(part) != Words::npos;
}

bool has_list(Words text) {
  for (std::size_t at = text.find("1."); at != Words::npos; at = text.find("1.", at + 1)) {
    const bool line_start = at == 0 || text[at - 1] == '\n';
    if (line_start && at + 2 < text.size() && text[at + 2] == ' ') return true;
  }
  return contains(text, "\n2. ") || contains(text, "\n- ");
}

int count_words(Words text) {
  int words = 0;
  bool inside = false;
  for (char c : text) {
    const bool letter = !std::isspace(static_cast<unsigned char>(c));
    words += letter && !inside;
    inside = letter;
  }
  return words;
}

std::string plain(Words text) {
  std::string out;
  for (char c : text)
    if (c != '*') out += c == '\n' ? ' ' : c;
  return out;
}

/// Reads "<number> <rest>" at the start of `text`.
std::optional<int> number_before(Words text, Words rest) {
  std::size_t digits = 0;
  while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) ++digits;
  if (digits == 0 || digits > 4 || !text.substr(digits).starts_with(rest)) return std::nullopt;
  return std::stoi(std::string(text.substr(0, digits)));
}

Style draw(Random& random, double formal) {
  Style s;
  s.bold = random.chance(formal);
  s.list = random.chance(formal);
  s.box = random.chance(formal);
  s.stock = random.chance(formal);
  s.warm = random.chance(0.2);
  const double u = random.uniform();
  s.extras = u < 0.5 ? 0 : u < 0.8 ? 1 : u < 0.95 ? 2 : 3;
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

Observed observe(std::string_view reply) {
  Observed seen;
  seen.bold = contains(reply, "**");
  seen.list = has_list(reply);
  seen.box = contains(reply, "\\boxed");
  for (Words phrase : stock_phrases) seen.stock |= contains(reply, phrase.substr(0, phrase.size() - 1));
  for (Words phrase : warm_phrases) seen.warm |= contains(reply, phrase.substr(0, phrase.size() - 1));
  seen.words = count_words(reply);
  return seen;
}

bool obeys(const Observed& seen, Wish wish) {
  switch (wish) {
    case Wish::no_bold:
      return !seen.bold;
    case Wish::bold:
      return seen.bold;
    case Wish::no_list:
      return !seen.list;
    case Wish::list:
      return seen.list;
    case Wish::no_box:
      return !seen.box;
    case Wish::box:
      return seen.box;
    case Wish::no_stock:
      return !seen.stock;
    case Wish::stock:
      return seen.stock;
    case Wish::shorter:
      return seen.words <= shorter_words;
    case Wish::longer:
      return seen.words >= longer_words;
    case Wish::warmer:
      return seen.warm;
    case Wish::cooler:
      return !seen.warm;
  }
  return false;
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

std::string render_reply(Random& random, const Problem& p, const Style& style) {
  const std::string start = std::to_string(p.start), change = std::to_string(p.change);
  const std::string number = std::to_string(p.answer);
  const std::string core = p.first_name + (p.adds ? " now has " : " still has ") +
                           (style.bold ? "**" + number + "**" : number) + " " + p.object + ".";
  std::string text;
  if (style.stock) text += std::string(random.pick(stock_phrases)) + (style.list ? "\n" : " ");
  if (style.list)
    text += "1. Start with " + start + ".\n2. " + (p.adds ? "Add " : "Take away ") + change + ".\n3. " + core;
  else
    text += "Start with " + start + " and " + (p.adds ? "add " : "take away ") + change + ". " + core;
  const int first = random.below(static_cast<int>(extra_sentences.size()));
  for (int i = 0; i < style.extras; ++i)
    text += (i == 0 && style.list ? "\n" : " ") +
            std::string(extra_sentences[static_cast<std::size_t>(first + i) % extra_sentences.size()]);
  if (style.warm) text += (style.list && style.extras == 0 ? "\n" : " ") + std::string(random.pick(warm_phrases));
  if (style.box) text += "\n\\boxed{" + number + "}";
  return text;
}

Substance check_substance(std::string_view reply, const Problem& problem) {
  Substance found;
  const std::string text = plain(reply);
  for (Words verb : {Words(" now has "), Words(" still has "), Words(" has ")}) {
    const std::string lead = problem.first_name + std::string(verb);
    for (std::size_t at = text.find(lead); at != std::string::npos; at = text.find(lead, at + 1)) {
      const auto number = number_before(Words(text).substr(at + lead.size()), " " + problem.object);
      found.core |= number.has_value();
      found.correct |= number == problem.answer;
    }
  }
  const int words = count_words(reply);
  found.formed = found.core && words >= 5 && words <= 60;
  return found;
}

}  // namespace clawrl::demo
