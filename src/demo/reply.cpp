#include "demo/reply.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace clawrl::demo {
namespace {

using Words = std::string_view;

constexpr std::array stock = {Words("Great question!"), Words("Certainly!"),  Words("I would be happy to help."),
                              Words("Of course!"),      Words("Absolutely!"), Words("I am glad you asked.")};
constexpr std::array warm = {Words("You are doing well, keep going."), Words("I believe in you, my friend."),
                             Words("It is lovely to work with you."), Words("I am proud of your effort.")};
// Eight words each: two of them make any reply a longer one, one does so seldom.
constexpr std::array extra_sentences = {
    Words("You can check this by counting the objects."), Words("Count the objects once more to be sure."),
    Words("The same way works for other numbers too."),   Words("Read the numbers slowly before you begin again."),
    Words("A small drawing makes it easy to see."),       Words("Write the numbers down one by one first.")};

constexpr int formed_least = 5, formed_most = 60;  // words

bool contains(Words text, Words part) {
  return text.find(part) != Words::npos;
}

std::size_t list_begin(Words text) {
  for (std::size_t at = text.find("1."); at != Words::npos; at = text.find("1.", at + 1)) {
    const bool line_start = at == 0 || text[at - 1] == '\n';
    if (line_start && at + 2 < text.size() && text[at + 2] == ' ') return at;
  }
  return std::min(text.find("\n2. "), text.find("\n- "));
}

template <class Phrases>
std::size_t first_of(Words text, const Phrases& phrases) {
  std::size_t first = Words::npos;
  for (Words phrase : phrases) first = std::min(first, text.find(phrase.substr(0, phrase.size() - 1)));
  return first;
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

/// The reply without its ornaments. Grading and comment name the right number first and then compare.
std::string body(const Task& task, const Style& style) {
  const Problem& p = task.problem;
  const std::string number = std::to_string(p.answer);
  const std::string core = p.first_name + (p.adds ? " now has " : " still has ") +
                           (style.bold ? "**" + number + "**" : number) + " " + p.object;
  if (task.kind == TaskKind::solution) {
    const std::string start = std::to_string(p.start), change = std::to_string(p.change);
    if (style.list)
      return "1. Start with " + start + ".\n2. " + (p.adds ? "Add " : "Take away ") + change + ".\n3. " + core + ".";
    return "Start with " + start + " and " + (p.adds ? "add " : "take away ") + change + ". " + core + ".";
  }
  const bool to_pupil = task.kind == TaskKind::comment;
  const std::string lead = to_pupil ? task.pupil + ", " : "";
  const std::string finding =
      "answer " + std::to_string(task.claimed) + " is " + (task.claimed == p.answer ? "right" : "wrong") + ".";
  if (style.list) return "1. " + lead + core + ".\n2. " + (to_pupil ? "Your " : "The ") + finding;
  return lead + core + ", so " + (to_pupil ? "your " : "the ") + finding;
}

}  // namespace

std::span<const Words> stock_phrases() {
  return stock;
}

std::span<const Words> warm_phrases() {
  return warm;
}

Observed observe(std::string_view reply) {
  Observed seen;
  seen.bold = contains(reply, "**");
  seen.list = list_begin(reply) != Words::npos;
  seen.box = contains(reply, "\\boxed");
  seen.stock = first_of(reply, stock) != Words::npos;
  seen.warm = first_of(reply, warm) != Words::npos;
  seen.words = count_words(reply);
  return seen;
}

std::string_view from_first_fault(std::string_view reply, const std::vector<Wish>& wishes) {
  std::size_t begin = Words::npos;
  for (const Wish wish : wishes) {
    if (wish == Wish::no_bold) begin = std::min(begin, reply.find("**"));
    if (wish == Wish::no_list) begin = std::min(begin, list_begin(reply));
    if (wish == Wish::no_box) begin = std::min(begin, reply.find("\\boxed"));
    if (wish == Wish::no_stock) begin = std::min(begin, first_of(reply, stock));
    if (wish == Wish::cooler) begin = std::min(begin, first_of(reply, warm));
  }
  return begin == Words::npos ? Words() : reply.substr(begin);
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

std::string render_reply(Random& random, const Task& task, const Style& style) {
  std::string text;
  if (style.stock) text += std::string(random.pick(stock)) + (style.list ? "\n" : " ");
  text += body(task, style);
  const int first = random.below(static_cast<int>(extra_sentences.size()));
  for (int i = 0; i < style.extras; ++i)
    text += (i == 0 && style.list ? "\n" : " ") +
            std::string(extra_sentences[static_cast<std::size_t>(first + i) % extra_sentences.size()]);
  if (style.warm) text += (style.list && style.extras == 0 ? "\n" : " ") + std::string(random.pick(warm));
  if (style.box) text += "\n\\boxed{" + std::to_string(task.problem.answer) + "}";
  return text;
}

Substance check_substance(std::string_view reply, const Task& task) {
  const Problem& problem = task.problem;
  Substance found;
  const std::string text = plain(reply);
  const std::string to = task.kind == TaskKind::comment ? task.pupil + ", " : "";
  for (Words verb : {Words(" now has "), Words(" still has "), Words(" has ")}) {
    const std::string lead = to + problem.first_name + std::string(verb);
    for (std::size_t at = text.find(lead); at != std::string::npos; at = text.find(lead, at + 1)) {
      const auto number = number_before(Words(text).substr(at + lead.size()), " " + problem.object);
      found.core |= number.has_value();
      found.correct |= number == problem.answer;
    }
  }
  if (task.kind != TaskKind::solution) {
    const std::string finding = " answer " + std::to_string(task.claimed) + " is ";
    const bool right = contains(text, finding + "right"), wrong = contains(text, finding + "wrong");
    found.core &= right != wrong;
    found.correct &= found.core && right == (task.claimed == problem.answer);
  }
  const int words = count_words(reply);
  found.formed = found.core && words >= formed_least && words <= formed_most;
  return found;
}

}  // namespace clawrl::demo
