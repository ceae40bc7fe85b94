#pragma once
// Words of a text, as the rules about feedback read them.

#include <string>
#include <string_view>
#include <vector>

namespace clawrl {

struct Word {
  std::string text;         // lower case, apostrophes gone: "didnt"; without a possessive 's
  bool possessive = false;  // "yesterday's"
  bool operator==(const Word&) const = default;
};

/// Letters and digits; '-', ':', '.' and '+' between digits belong to the word, so "2026-11-25" and "10:30" are one.
/// Other bytes above 127 are letters.
std::vector<Word> split_words(std::string_view text);

/// Crude: plural and verb endings of English cut off, "recipes" and "recipe" become one.
std::string stem(const std::string& word);

/// Says nothing of a topic: articles, pronouns, auxiliaries, prepositions ...
bool is_function_word(const std::string& word);

}  // namespace clawrl
