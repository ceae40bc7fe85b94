#include "samples/statement.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

#include "core/checksum.hpp"
#include "feedback/words.hpp"

namespace clawrl {
namespace {

bool negates(const std::string& word) {
  static const std::set<std::string_view> words = {"no",   "not",    "dont", "doesnt", "didnt",    "never", "without",
                                                   "skip", "avoid",  "stop", "remove", "drop",     "omit",  "leave",
                                                   "none", "cannot", "cant", "wont",   "shouldnt", "hate",  "dislike"};
  return words.contains(word);
}

/// Words with which anything is asked for.
bool requests(const std::string& word) {
  static const std::set<std::string_view> words = {
      "please", "use",   "write",  "give", "make", "want",  "like",   "prefer",   "add", "include", "put",   "next",
      "time",   "again", "always", "just", "more", "reply", "answer", "response", "out", "could",   "would", "should"};
  return words.contains(word);
}

/// Says how good something was, and nothing of what it is about.
bool judges(const std::string& word) {
  static const std::set<std::string_view> words = {
      "good",      "bad",  "great", "perfect", "wrong",  "right",    "true",  "false",   "correct",
      "incorrect", "nice", "fine",  "best",    "better", "worse",    "worst", "useless", "excellent",
      "yes",       "ok",   "okay",  "thanks",  "thank",  "continue", "so-so", "awesome", "terrible"};
  return words.contains(word);
}

}  // namespace

Statement statement_of(const std::string& text) {
  Statement said;
  std::set<std::string> topic;
  for (const auto& word : split_words(text)) {
    if (negates(word.text))
      said.negated = !said.negated;
    else if (!is_function_word(word.text) && !requests(word.text) && !judges(word.text))
      topic.insert(stem(word.text));
  }
  std::string joined;
  for (const auto& word : topic) joined += word + " ";
  if (topic.empty()) return {};
  said.topic = std::max<std::uint64_t>(1, checksum(std::as_bytes(std::span(joined))));
  return said;
}

}  // namespace clawrl
