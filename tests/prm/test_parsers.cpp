#include "prm/hint_parser.hpp"
#include "prm/trim.hpp"
#include "prm/vote_parser.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("the last complete box is the vote") {
  CHECK(parse_vote("good \\boxed{1}") == Vote{1});
  CHECK(parse_vote("\\boxed{1} no: \\boxed{ -1 }") == Vote{-1});
  CHECK(parse_vote("\\boxed{-0}") == Vote{0});
  CHECK_FALSE(parse_vote("\\boxed{1} and \\boxed{maybe}"));
  CHECK(parse_vote("\\boxed{-1} and \\boxed{1") == Vote{-1});
  CHECK_FALSE(parse_vote("\\boxed{\\text{1}}"));
  CHECK_FALSE(parse_vote(""));
  CHECK(parse_vote("\\boxed{1}\\boxed{") == Vote{1});
}

TEST_CASE("majority of the valid votes, ties are 0") {
  CHECK(majority({1, 1, -1}) == 1);
  CHECK(majority({1, -1}) == 0);
  CHECK(majority({std::nullopt, -1, std::nullopt}) == -1);
  CHECK(majority({0, 0, 1}) == 0);
  CHECK(majority({}) == 0);
}

TEST_CASE("a decided majority is one that no further votes change, tried out") {
  const std::vector<Vote> values = {std::nullopt, std::int8_t{-1}, std::int8_t{0}, std::int8_t{1}};
  int decided = 0;
  for (int remaining = 0; remaining <= 3; ++remaining)
    for (int code = 0; code < 256; ++code) {
      const int cast = code & 3;  // votes so far: 0..3 of them, from the other bits
      std::vector<Vote> votes;
      for (int i = 0; i < cast; ++i) votes.push_back(values[static_cast<std::size_t>(code >> (2 * i + 2) & 3)]);
      bool same = true;
      int endings = 1;
      for (int i = 0; i < remaining; ++i) endings *= 4;
      for (int ending = 0; ending < endings; ++ending) {
        auto all = votes;
        for (int i = 0; i < remaining; ++i) all.push_back(values[static_cast<std::size_t>(ending >> (2 * i) & 3)]);
        same &= majority(all) == majority(votes);
      }
      CHECK(majority_decided(votes, remaining) == same);
      decided += same && remaining > 0;
    }
  CHECK(decided > 0);
}

TEST_CASE("hints") {
  CHECK(parse_hint("x [HINT_START] Do not use bold text. [HINT_END]") == "Do not use bold text.");
  CHECK_FALSE(parse_hint("[HINT_START]1234567890[HINT_END]"));
  CHECK_FALSE(parse_hint("[HINT_START]never ends and never will"));
  CHECK(parse_hint("[HINT_START]one one one one[HINT_END][HINT_START]two two two two[HINT_END]") == "two two two two");
  CHECK_FALSE(parse_hint("[HINT_START]one one one one[HINT_END] [HINT_START]two[HINT_END]"));
  CHECK(parse_hint("[HINT_START]outer [HINT_START]inner text[HINT_END]") == "outer [HINT_START]inner text");
}

TEST_CASE("trimming knows Unicode's blanks") {
  CHECK(trim("\xE3\x80\x80 a b \xC2\xA0\n") == "a b");
  CHECK(trim(" \n").empty());
  CHECK(count_code_points("a\xE8\xAF\xB7") == 2);
}
