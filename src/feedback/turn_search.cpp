#include "feedback/turn_search.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace clawrl {
namespace {

constexpr std::size_t most_words = 4000;  // of one turn

std::set<std::string> words_of(const PastTurn& turn) {
  std::set<std::string> stems;
  for (const std::string* text : {&turn.asked, &turn.replied})
    for (const Word& word : split_words(*text)) {
      if (stems.size() >= most_words) break;
      if (!is_function_word(word.text)) stems.insert(stem(word.text));
    }
  return stems;
}

/// Equal stems, or one word inside the other where that is no accident: asleep - sleep, mail - email.
bool alike(const std::string& a, const std::string& b) {
  const std::string& longer = a.size() > b.size() ? a : b;
  const std::string& shorter = a.size() > b.size() ? b : a;
  return a == b || (shorter.size() >= 4 && longer.size() <= shorter.size() + 2 && longer.ends_with(shorter)) ||
         (shorter.size() >= 5 && longer.starts_with(shorter));
}

bool has(const std::set<std::string>& words, const std::string& wanted) {
  return words.contains(wanted) ||
         std::any_of(words.begin(), words.end(), [&](const std::string& word) { return alike(word, wanted); });
}

bool within(const std::vector<TimeRange>& ranges, double at) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [at](const TimeRange& range) { return at >= range.from_s && at < range.to_s; });
}

struct Scored {
  TurnId id;
  double weight = 0;  // of the matched topic words
  int matched = 0;
};

/// How much a claim's wording alone is worth.
double base_of(const CreditClaim& claim) {
  if (claim.when != CreditClaim::When::stated) return claim.when == CreditClaim::When::vague ? 0.85 : 0.8;
  double span = 0;
  for (const TimeRange& range : claim.ranges) span += range.to_s - range.from_s;
  return span <= 2 * 86400 ? 1 : 0.9;
}

}  // namespace

SearchHit find_turn(const CreditClaim& claim, const std::vector<PastTurn>& turns, TurnId previous) {
  std::vector<std::set<std::string>> words;
  for (const PastTurn& turn : turns) words.push_back(words_of(turn));
  std::map<std::string, double> rarity;
  double whole = 0;
  for (const std::string& topic : claim.topic) {
    const auto known = std::count_if(words.begin(), words.end(), [&](const auto& one) { return has(one, topic); });
    const double weight = std::log(1 + (static_cast<double>(turns.size()) + 1) / (static_cast<double>(known) + 0.5));
    if (rarity.emplace(topic, weight).second && known > 0) whole += weight;
  }
  std::vector<Scored> fitting;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (claim.when == CreditClaim::When::stated && !within(claim.ranges, turns[i].created_s)) continue;
    if (claim.when == CreditClaim::When::stated && turns[i].id == previous) continue;
    Scored one{turns[i].id, 0, 0};
    for (const auto& [topic, weight] : rarity)
      if (has(words[i], topic)) {
        one.weight += weight;
        ++one.matched;
      }
    fitting.push_back(one);
  }
  if (fitting.empty()) return {};
  if (claim.topic.empty()) {  // only the time says which
    const bool certain = fitting.size() == 1 && claim.when == CreditClaim::When::stated;
    return certain ? SearchHit{fitting[0].id, 0.75 * base_of(claim)} : SearchHit{};
  }
  std::sort(fitting.begin(), fitting.end(), [](const Scored& a, const Scored& b) { return a.weight > b.weight; });
  const Scored& best = fitting[0];
  if (best.matched == 0 || best.id == previous) return {};
  const double second = fitting.size() > 1 ? fitting[1].weight : 0;
  const double margin = std::min(1.0, 2 * (best.weight - second) / best.weight);
  const double coverage = std::min(1.0, 0.6 + best.weight / std::max(whole, 1e-9));
  const double unknown = static_cast<double>(best.matched) / static_cast<double>(rarity.size());
  const double topical = claim.when == CreditClaim::When::stated || best.matched > 1 || unknown > 0.4 ? 1 : 0.6;
  return {best.id, base_of(claim) * margin * coverage * topical};
}

}  // namespace clawrl
