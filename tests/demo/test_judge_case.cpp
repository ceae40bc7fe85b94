// What a judge should say of a turn, and that what it says is read as it was meant.

#include "demo/corpus.hpp"
#include "prm/fault_parser.hpp"
#include "prm/hint_parser.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::demo;

namespace {

JudgeCase complained(const std::string& reply, std::vector<Wish> wishes) {
  return {{"What is 2 and 5?", reply, "No, write it anew.", "user"}, -1, std::move(wishes)};
}

const std::string boxed = "Great question! Mia now has **7** pens.\n\\boxed{7}";

}  // namespace

TEST_CASE("an error is as grave as there are wishes, and gravest where nothing was understood") {
  CHECK(severity_of(-1, {Wish::no_bold}) == 1);
  CHECK(severity_of(-1, {Wish::no_bold, Wish::longer}) == 2);
  CHECK(severity_of(-1, {}) == 3);
  CHECK(severity_of(1, {Wish::no_bold}) == 0);
  CHECK(severity_of(0, {}) == 0);
}

TEST_CASE("the first fault is quoted with a word, as the judge sees the reply") {
  CHECK(quoted_fault(complained(boxed, {Wish::no_bold})) == "**7**");
  CHECK(quoted_fault(complained(boxed, {Wish::no_box, Wish::no_bold})) == "**7**");
  CHECK(quoted_fault(complained(boxed, {Wish::no_stock})) == "Great");
  CHECK(quoted_fault(complained("I would be happy to help. Mia has 7.", {Wish::no_stock})) == "I would");
  CHECK(quoted_fault(complained(boxed, {Wish::no_box})) == "\\boxed{7}");
  CHECK(quoted_fault(complained("1. Start with 2.\n2. Add 5.", {Wish::no_list})) == "1.");
}

TEST_CASE("what is missing, cut away or not complained of has no quote") {
  CHECK(quoted_fault(complained(boxed, {Wish::longer, Wish::warmer})).empty());
  JudgeCase praised = complained(boxed, {Wish::no_bold});
  praised.verdict = 1;
  CHECK(quoted_fault(praised).empty());
  std::string words;
  for (int i = 0; i < 20; ++i) words += "word ";
  CHECK(quoted_fault(complained(words + "**7** pens " + words, {Wish::no_bold})).empty());
}

TEST_CASE("a vote's answer holds what was asked for, and is read as it was meant") {
  const JudgeCase wrong = complained(boxed, {Wish::no_box});
  CHECK(vote_answer(wrong, {}) == "\\boxed{-1}");
  CHECK(vote_answer(wrong, {.severity = true}) == "[SEVERITY: 1] \\boxed{-1}");
  CHECK(vote_answer(wrong, {.severity = true, .fault = true}) ==
        "[SEVERITY: 1] [FAULT_START]\\boxed{7}[FAULT_END] \\boxed{-1}");
  JudgeCase right = wrong;
  right.verdict = 1;
  CHECK(vote_answer(right, {.severity = true, .fault = true}) == "\\boxed{1}");

  for (const Split split : {Split::train, Split::held_out}) {
    Corpus corpus(split, 3);
    int quoted = 0;
    for (int i = 0; i < 500; ++i) {
      const JudgeCase c = corpus.judge_case();
      const std::string answer = vote_answer(c, {.severity = true, .fault = true});
      REQUIRE(parse_vote(answer) == static_cast<std::int8_t>(c.verdict));
      REQUIRE(parse_severity(answer) == severity_of(c.verdict, c.wishes));
      REQUIRE(parse_fault(answer).value_or("") == quoted_fault(c));
      quoted += parse_fault(answer).has_value();
    }
    CHECK(quoted > 100);
  }
}

TEST_CASE("hints are extracted in their marks, or there are none") {
  CHECK(hint_answer({}) == "\\boxed{0}");
  CHECK(parse_hint(hint_answer({Wish::no_bold, Wish::warmer})) == joined_hints({Wish::no_bold, Wish::warmer}));
}
