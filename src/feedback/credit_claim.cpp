#include "feedback/credit_claim.hpp"

#include <algorithm>
#include <set>

#include "feedback/claim_words.hpp"
#include "feedback/sentences.hpp"

namespace clawrl {
namespace {

namespace lists = claim_words;

constexpr std::size_t longest_message = 4096;  // bytes

using namespace claims;

bool any(const Words& words, bool (*list)(const std::string&)) {
  return std::any_of(words.begin(), words.end(), [&](const Word& word) { return list(word.text); });
}

// -- what the sentence refers to

struct Reference {
  bool to_assistant = false;  // "your ...", "you told me": certainly the assistant's
  bool impersonal = false;    // "the recipe from Monday", "Monday's recipe"
  bool advice = false;        // its noun is something that an assistant gives
  CreditClaim::When when = CreditClaim::When::unsaid;
  std::optional<TimePhrase> time;
};

bool owner(const Word& word) {
  static const std::set<std::string> owners = {"my", "our", "his", "her", "their", "its",
                                               "i",  "we",  "he",  "she", "they"};
  return owners.contains(word.text) || word.possessive;
}

/// The noun phrase before "from <time>": its words back to a determiner, if nobody else owns it.
bool noun_before(const Words& words, std::size_t from, bool& advice) {
  if (from == 0) return false;
  advice = lists::is_advice(stem(words[from - 1].text));
  for (std::size_t back = 1; back <= 4 && back <= from; ++back) {
    const Word& word = words[from - back];
    if (owner(word)) return false;
    if (word.text == "the" || word.text == "that" || word.text == "those" || word.text == "these") return back > 1;
  }
  return from <= 3;  // "regex from monday works"
}

/// The noun after "Monday's": within two words.
bool noun_after(const Words& words, std::size_t at, bool& advice) {
  for (std::size_t i = at; i < words.size() && i < at + 3; ++i)
    if (lists::is_advice(stem(words[i].text))) advice = true;
  return at < words.size() && !is_function_word(words[at].text);
}

bool vague_time(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is(words, i, "other") && is(words, i + 1, "day")) return true;
    if (is(words, i, "while") && is(words, i + 1, "ago")) return true;
    if (is(words, i, "last") && is(words, i + 1, "time")) return true;
    if (is(words, i, "recently") || is(words, i, "earlier") || is(words, i, "previously")) return true;
  }
  return false;
}

Reference reference_of(const Words& words, const TimeContext& context) {
  Reference found;
  found.time = find_time(words, context);
  found.to_assistant = advising_verb(words) < words.size();
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i].text == "your" && words[i + 1].text != "own") found.to_assistant = true;
  if (is(words, 0, "thanks") && is(words, 1, "for")) found.to_assistant = true;
  if (found.time) {
    found.when = CreditClaim::When::stated;
    const std::size_t first = found.time->first, end = first + found.time->count;
    if (first > 0 && words[first - 1].text == "from")
      found.impersonal = noun_before(words, first - 1, found.advice);
    else if (words[end - 1].possessive && (first == 0 || !owner(words[first - 1])))
      found.impersonal = noun_after(words, end, found.advice);
  } else if (vague_time(words)) {
    found.when = CreditClaim::When::vague;
  }
  return found;
}

// -- how it turned out

struct Outcome {
  bool good = false, bad = false;
  bool by_verb = false;  // worked, solved: not only praise
};

bool negated(const Words& words, std::size_t at) {
  for (std::size_t back = 1; back <= 3 && back <= at; ++back)
    if (lists::negates(words[at - back].text)) return true;
  return false;
}

/// "was", "is", "turned out" within the four words before.
bool after_copula(const Words& words, std::size_t at) {
  for (std::size_t back = 1; back <= 4 && back <= at; ++back)
    for (const char* copula : {"was", "were", "is", "are", "wasnt", "isnt", "out", "been"})
      if (words[at - back].text == copula) return true;
  return false;
}

bool works(const Words& words, std::size_t at) {
  if (!is(words, at, "works")) return false;
  for (const char* after : {"now", "fine", "great", "well", "perfectly", "again", "like", "nicely"})
    if (is(words, at + 1, after)) return true;
  return at + 1 == words.size();
}

/// Idioms: what they begin with at `at`; +1, -1, or 0 for none.
int idiom(const Words& words, std::size_t at) {
  if (is(words, at, "did") && is(words, at + 1, "the") && is(words, at + 2, "trick")) return 1;
  if (is(words, at, "did") && is(words, at + 1, "nothing")) return -1;
  if (is(words, at, "spot") && is(words, at + 1, "on")) return 1;
  if (is(words, at, "went") && is(words, at + 1, "through")) return 1;
  if (is(words, at, "a") && (is(words, at + 1, "hit") || is(words, at + 1, "success"))) return 1;
  if (is(words, at, "paid") && is(words, at + 1, "off")) return 1;
  if (is(words, at, "loved") && (is(words, at + 1, "it") || at > 0)) return 1;
  if (is(words, at, "much") && is(words, at + 1, "better")) return 1;
  if (is(words, at, "best") && (is(words, at + 1, "advice") || is(words, at + 1, "tip"))) return 1;
  if (is(words, at, "way") && is(words, at + 1, "too")) return -1;
  if (is(words, at, "got"))
    for (std::size_t i = at + 2; i < at + 6; ++i)
      if (is(words, i, "out")) return 1;
  // "did not help", "didn't work", "not fix": the verb in its plain form
  if (negated(words, at))
    for (const char* verb : {"help", "work", "fix", "solve"})
      if (is(words, at, verb)) return -1;
  return 0;
}

Outcome outcome_of(const Words& words) {
  Outcome outcome;
  const auto add = [&](bool good, std::size_t at, bool verb) {
    (good != negated(words, at) ? outcome.good : outcome.bad) = true;
    outcome.by_verb = outcome.by_verb || verb;
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    if (lists::turned_out_well(word) || works(words, i)) add(true, i, true);
    if (lists::turned_out_badly(word)) add(false, i, true);
    if (lists::praises(word) && after_copula(words, i)) add(true, i, false);
    if (lists::blames(word)) add(false, i, word == "worse");
    if (const int kind = idiom(words, i); kind != 0) {
      (kind > 0 ? outcome.good : outcome.bad) = true;
      outcome.by_verb = true;
    }
  }
  return outcome;
}

bool goes_on(const Sentence& sentence) {
  for (const char* word : {"it", "that", "this", "they", "which", "worked", "works", "best"})
    if (sentence.words[0].text == word) return true;
  return false;
}

void add_topic(const Words& words, const std::optional<TimePhrase>& time, std::vector<std::string>& topic) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (time && i >= time->first && i < time->first + time->count) continue;
    const std::string base = stem(words[i].text);
    if (is_function_word(words[i].text) || lists::says_nothing(words[i].text) || lists::says_nothing(base)) continue;
    if (std::find(topic.begin(), topic.end(), base) == topic.end()) topic.push_back(base);
  }
}

/// `more`: the sentence that goes on with "it worked", where the first has no outcome of its own.
std::optional<CreditClaim> claim_of(const Sentence& sentence, const Sentence* more, const TimeContext& context) {
  const Reference reference = reference_of(sentence.words, context);
  if (!reference.to_assistant && !reference.impersonal) return std::nullopt;
  Outcome outcome = outcome_of(sentence.words);
  const bool by_next = !outcome.good && !outcome.bad && more && goes_on(*more) && usable(*more);
  if (by_next) outcome = outcome_of(more->words);
  if (outcome.good == outcome.bad) return std::nullopt;  // nothing said, or both
  if (!reference.to_assistant && !reference.advice && !outcome.by_verb) return std::nullopt;
  CreditClaim claim;
  claim.vote = outcome.good ? 1 : -1;
  claim.when = reference.when;
  if (reference.time) claim.ranges = reference.time->ranges;
  add_topic(sentence.words, reference.time, claim.topic);
  if (claim.when != CreditClaim::When::stated && claim.topic.empty()) return std::nullopt;
  if (claim.when == CreditClaim::When::unsaid && advising_verb(sentence.words) == sentence.words.size())
    return std::nullopt;  // "your answer worked": the one just given
  return claim;
}

}  // namespace

std::optional<CreditClaim> find_claim(std::string_view message, const TimeContext& context) {
  if (message.size() > longest_message || quotes(message)) return std::nullopt;
  const std::vector<Sentence> sentences = sentences_of(message);
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    if (sentences[i].end == ':' && any(sentences[i].words, lists::hands_text_over) &&
        advising_verb(sentences[i].words) == sentences[i].words.size())
      return std::nullopt;
    if (!usable(sentences[i])) continue;
    const Sentence* next = i + 1 < sentences.size() ? &sentences[i + 1] : nullptr;
    if (auto claim = claim_of(sentences[i], next, context)) return claim;
  }
  return std::nullopt;
}

CreditClaim query_of(std::string_view text, std::vector<TimeRange> ranges, const TimeContext& context) {
  const Words words = split_words(text.substr(0, longest_message));
  const auto time = find_time(words, context);
  CreditClaim query;
  query.ranges = ranges.empty() && time ? time->ranges : std::move(ranges);
  query.when = query.ranges.empty() ? CreditClaim::When::unsaid : CreditClaim::When::stated;
  add_topic(words, time, query.topic);
  return query;
}

}  // namespace clawrl
