#include "feedback/sentences.hpp"

#include "feedback/claim_words.hpp"

namespace clawrl::claims {

namespace lists = claim_words;

namespace {

constexpr std::size_t longest_sentence = 60;  // words

std::size_t first_real_word(const Words& words) {
  std::size_t at = 0;
  while (at + 1 < words.size() && lists::greets(words[at].text) && words[at].text != "the") ++at;
  return at;
}

bool is_question(const Sentence& sentence) {
  const Words& words = sentence.words;
  const std::size_t at = first_real_word(words);
  if (is(words, at, "remember")) return false;
  if (sentence.end == '?') return true;
  if (is(words, at, "what") && is(words, at + 1, "you")) return false;
  return lists::asks(words[at].text);
}

/// Does somebody but the assistant speak: "she said", "the customer says"?
bool reports_others(const Words& words) {
  const std::size_t own = advising_verb(words);
  for (std::size_t i = 0; i < words.size(); ++i)
    if (lists::speaks(words[i].text) && i != own && !(i > 0 && words[i - 1].text == "you")) return true;
  return false;
}

bool is_no_fact(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (lists::supposes(words[i].text)) return true;
    if (is(words, i, "going") && is(words, i + 1, "to")) return true;
    if (is(words, i, "so") && is(words, i + 1, "that")) return true;
    if (is(words, i, "havent") || (is(words, i, "not") && is(words, i + 1, "tried"))) return true;
    if (is(words, i, "let") && is(words, i + 1, "me")) return true;
  }
  return false;
}

}  // namespace

bool is(const Words& words, std::size_t at, const char* text) {
  return at < words.size() && words[at].text == text;
}

std::vector<Sentence> sentences_of(std::string_view text) {
  std::vector<Sentence> sentences;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : '\n';
    const bool spaced = i + 1 >= text.size() || text[i + 1] == ' ' || text[i + 1] == '\n' || text[i + 1] == c;
    if (c != '\n' && !(std::string_view(".!?:;").find(c) != std::string_view::npos && spaced)) continue;
    Sentence sentence{split_words(text.substr(begin, i - begin)), c};
    if (!sentence.words.empty()) sentences.push_back(std::move(sentence));
    begin = i + 1;
  }
  return sentences;
}

bool quotes(std::string_view text) {
  if (text.find('"') != std::string_view::npos || text.find('`') != std::string_view::npos) return true;
  for (const char* mark : {"\xE2\x80\x9C", "\xE2\x80\x9E", "\xC2\xAB", "\xE2\x80\x98"})
    if (text.find(mark) != std::string_view::npos) return true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool at_start = i == 0 || text[i - 1] == '\n' || text[i - 1] == ' ';
    if (at_start && (text[i] == '\'' || (text[i] == '>' && (i == 0 || text[i - 1] == '\n')))) return true;
  }
  return false;
}

std::size_t advising_verb(const Words& words) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i].text != "you" && words[i].text != "youve" && words[i].text != "youd") continue;
    for (std::size_t j = i + 1; j < words.size() && j <= i + 3; ++j)
      if (lists::advises(words[j].text)) return j;
  }
  return words.size();
}

bool usable(const Sentence& sentence) {
  const Words& words = sentence.words;
  if (words.size() > longest_sentence || is_question(sentence)) return false;
  if (lists::demands(words[first_real_word(words)].text)) return false;
  return !is_no_fact(words) && !reports_others(words);
}

}  // namespace clawrl::claims
