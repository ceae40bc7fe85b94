// Which sentences credit which earlier turn: precision first.

#include <iostream>
#include <random>

#include "feedback/credit_sentences.hpp"
#include "feedback/turn_search.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

constexpr double now = 1795878000;  // 2026-11-28 15:00 UTC
constexpr double threshold = 0.6;   // feedback.credit_threshold

double unix_of(const std::string& time) {
  const auto ranges = parse_time(time, {now, 0});
  REQUIRE(ranges.size() == 1);
  return (ranges[0].from_s + ranges[0].to_s) / 2;
}

std::vector<PastTurn> past() {
  std::vector<PastTurn> turns;
  for (const auto& one : history) turns.push_back({{one.id}, unix_of(one.time), one.asked, one.replied});
  return turns;
}

SearchHit credited(const std::string& text, const std::vector<PastTurn>& turns, std::int8_t& vote) {
  const auto claim = find_claim(text, {now, 0});
  if (!claim) return {};
  vote = claim->vote;
  const SearchHit hit = find_turn(*claim, turns, {14});
  return hit.confidence >= threshold ? hit : SearchHit{};
}

}  // namespace

TEST_CASE("what users say of earlier replies is credited rightly or not at all") {
  const auto turns = past();
  int meant = 0, given = 0, right = 0;
  for (const CreditSentence& one : sentences) {
    std::int8_t vote = 0;
    const SearchHit hit = credited(one.text, turns, vote);
    meant += one.turn != 0;
    given += hit.turn.value != 0;
    const bool correct = hit.turn.value == one.turn && (one.turn == 0 || vote == one.vote);
    right += correct && one.turn != 0;
    if (!correct)
      std::cout << (hit.turn.value == 0 ? "missed " : "WRONG  ") << one.turn << " as " << hit.turn.value << " ("
                << static_cast<int>(vote) << ", " << hit.confidence << "): " << one.text << "\n";
  }
  const double precision = static_cast<double>(right) / given, recall = static_cast<double>(right) / meant;
  std::cout << sentences.size() << " sentences: " << given << " credited, " << right << " rightly of " << meant
            << "; precision " << precision << ", recall " << recall << "\n";
  REQUIRE(sentences.size() >= 100);
  CHECK(precision >= 0.95);
  CHECK(recall >= 0.6);
}

TEST_CASE("any bytes are read without harm, and long texts are no such message") {
  const char* const pieces[] = {"your", "tip",  "from",     "Monday", "worked",     "'",    "\"",  ":",
                                "?",    "\xff", "\xe2\x80", "'s",     "2026-11-25", "-",    ".",   "\n",
                                ">",    "you",  "told",     "me",     "last",       "days", "ago", "99"};
  std::mt19937 random(7);
  const auto turns = past();
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint32_t n = random() % 12; n > 0; --n)
      text += std::string(pieces[random() % std::size(pieces)]) + (random() % 2 ? " " : "");
    if (const auto claim = find_claim(text, {now, 0})) {
      const SearchHit hit = find_turn(*claim, turns, {14});
      CHECK((hit.confidence >= 0 && hit.confidence <= 1));
    }
    parse_time(text, {now, 0});
  }
  CHECK_FALSE(find_claim("Your tip from Wednesday worked. " + std::string(5000, 'x'), {now, 0}));
}
