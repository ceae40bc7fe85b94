#pragma once
// Sentences of a message, and which of them may state a fact of the user's own. Internal to feedback/.

#include <string_view>
#include <vector>

#include "feedback/words.hpp"

namespace clawrl::claims {

using Words = std::vector<Word>;

struct Sentence {
  Words words;
  char end = '.';  // '.', '!', '?', ':' or a line's end
};

bool is(const Words& words, std::size_t at, const char* text);  // false beyond the end

std::vector<Sentence> sentences_of(std::string_view text);
/// Quotation marks, a cited mail, code: others' words, or words about words.
bool quotes(std::string_view text);
/// "you told me", "you have given": where the verb is; size() = none.
std::size_t advising_verb(const Words& words);
/// No question, request, supposition or report of others.
bool usable(const Sentence& sentence);

}  // namespace clawrl::claims
