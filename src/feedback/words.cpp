#include "feedback/words.hpp"

#include <set>

namespace clawrl {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || static_cast<unsigned char>(c) > 127;
}

/// Bytes of an apostrophe at `at`: the plain one, or the typographic U+2019; 0 = none.
std::size_t apostrophe(std::string_view text, std::size_t at) {
  if (text[at] == '\'') return 1;
  return text.substr(at).starts_with("\xE2\x80\x99") ? 3 : 0;
}

bool joins_digits(std::string_view text, std::size_t at) {
  return at > 0 && at + 1 < text.size() && std::string_view("-:.+").find(text[at]) != std::string_view::npos &&
         is_digit(text[at - 1]) && is_digit(text[at + 1]);
}

}  // namespace

std::vector<Word> split_words(std::string_view text) {
  std::vector<Word> words;
  std::size_t at = 0;
  while (at < text.size()) {
    Word word;
    while (at < text.size()) {
      const std::size_t mark = apostrophe(text, at);
      if (mark > 0) {
        const std::string_view rest = text.substr(at + mark);
        if (word.text.empty() || rest.empty() || !is_letter(rest[0])) break;
        const bool ends = rest.size() == 1 || !is_letter(rest[1]);
        if ((rest[0] == 's' || rest[0] == 'S') && ends) {
          word.possessive = true;
          at += mark + 1;
          break;
        }
        at += mark;
      } else if (is_letter(text[at]) || joins_digits(text, at)) {
        const char c = text[at++];
        word.text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      } else {
        break;
      }
    }
    if (word.text.empty())
      at += std::max<std::size_t>(1, at < text.size() ? apostrophe(text, at) : 1);
    else
      words.push_back(std::move(word));
  }
  return words;
}

std::string stem(const std::string& word) {
  const auto cut = [&](std::string_view ending, std::size_t left) {
    return word.size() >= ending.size() + left && word.ends_with(ending);
  };
  if (cut("ies", 2)) return word.substr(0, word.size() - 3) + "y";
  if (cut("sses", 1) || cut("shes", 2) || cut("ches", 2) || cut("xes", 2)) return word.substr(0, word.size() - 2);
  if (cut("ing", 4)) return word.substr(0, word.size() - 3);
  if (cut("ed", 4)) return word.substr(0, word.size() - 2);
  if (cut("s", 3) && !word.ends_with("ss") && !word.ends_with("us")) return word.substr(0, word.size() - 1);
  return word;
}

bool is_function_word(const std::string& word) {
  static const std::set<std::string> words = {
      "a",     "about", "after", "again",  "all",    "also",   "always", "am",    "an",      "and",  "another",
      "any",   "are",   "as",    "at",     "back",   "be",     "been",   "best",  "better",  "but",  "by",
      "btw",   "can",   "cant",  "could",  "did",    "didnt",  "do",     "does",  "doesnt",  "dont", "done",
      "else",  "even",  "ever",  "for",    "from",   "fyi",    "get",    "gets",  "got",     "go",   "good",
      "had",   "has",   "have",  "havent", "he",     "her",    "here",   "hey",   "hi",      "him",  "his",
      "how",   "i",     "im",    "ive",    "if",     "in",     "into",   "is",    "isnt",    "it",   "its",
      "just",  "last",  "like",  "lot",    "made",   "make",   "many",   "me",    "more",    "much", "my",
      "no",    "nice",  "not",   "now",    "of",     "off",    "ok",     "on",    "once",    "one",  "only",
      "or",    "our",   "out",   "over",   "please", "really", "same",   "she",   "since",   "so",   "some",
      "still", "such",  "thank", "thanks", "that",   "thats",  "the",    "their", "them",    "then", "there",
      "they",  "this",  "those", "to",     "today",  "too",    "try",    "tried", "two",     "up",   "us",
      "use",   "used",  "very",  "was",    "wasnt",  "way",    "we",     "well",  "went",    "were", "what",
      "when",  "where", "which", "while",  "who",    "why",    "will",   "with",  "without", "you",  "your",
      "yours"};
  return word.size() < 2 || words.contains(word);
}

}  // namespace clawrl
