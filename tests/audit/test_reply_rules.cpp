// A reply passes when it has all that is asked for and nothing that is forbidden.

#include "audit/reply_rules.hpp"

#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

HeldOutCase rules(std::vector<std::string> must, std::vector<std::string> must_not = {}, int least = 0, int most = 0) {
  HeldOutCase one;
  one.must = std::move(must);
  one.must_not = std::move(must_not);
  one.min_words = least;
  one.max_words = most;
  return one;
}

}  // namespace

TEST_CASE("all of must, none of must_not") {
  const ReplyRules both(rules({"\\b12\\b", "(?i)apples"}, {"\\*\\*"}));
  CHECK(both.pass("She has 12 Apples."));
  CHECK_FALSE(both.pass("She has 12 pears."));
  CHECK_FALSE(both.pass("She has 120 apples."));
  CHECK_FALSE(both.pass("She has **12** apples."));
  CHECK_FALSE(both.pass(""));
}

TEST_CASE("words are what blanks part, bounds included") {
  const ReplyRules bounds(rules({}, {}, 2, 3));
  CHECK_FALSE(bounds.pass("one"));
  CHECK(bounds.pass("one\n two "));
  CHECK(bounds.pass("one two three"));
  CHECK_FALSE(bounds.pass("one two three four"));
  CHECK(ReplyRules(rules({}, {}, 0, 1)).pass(""));
}

TEST_CASE("letters are Unicode's, and bytes that are none do no harm") {
  const ReplyRules word(rules({"^\\w+$"}));
  CHECK(word.pass("Äpfel"));
  CHECK_FALSE(word.pass("\xff\xfe"));
}

TEST_CASE("a regex that backtracks without end counts against the reply") {
  const std::string trap(60, 'a');
  CHECK_FALSE(ReplyRules(rules({"(a+)+$"})).pass(trap + "!"));
  CHECK_FALSE(ReplyRules(rules({}, {"(a+)+$"})).pass(trap + "!"));
}

TEST_CASE("a broken regex is named with its place") {
  CHECK_THROWS_WITH(ReplyRules(rules({"(a"}), "file:3"), Catch::Matchers::Contains("file:3: must"));
  CHECK_THROWS_AS(ReplyRules(rules({}, {"[b"}), "file:3"), UserError);
}

TEST_CASE("the laptop's cases: a right reply of any style passes, a wrong one and one that does not end do not") {
  const auto cases = read_held_out(CLAWRL_SOURCE_DIR "/configs/basic/held_out.jsonl");
  CHECK(cases.size() == 48);
  const HeldOutCase& shells = cases.front();  // "Tara Moss has 7 black shells and gives away 3 at school. ..."
  CHECK(shells.set == "answers");
  const ReplyRules rules(shells);
  CHECK(rules.pass("1. Start with 7.\n2. Tara still has **4** black shells.\n\\boxed{4}"));
  CHECK(rules.pass("Start with 7 and take away 3. Tara still has 4 black shells. You are doing well, keep going."));
  CHECK_FALSE(rules.pass("Start with 7 and take away 3. Tara still has 5 black shells."));
  std::string endless = "Tara still has 4 black shells.";
  for (int i = 0; i < 12; ++i) endless += " You are doing well, keep going.";
  CHECK_FALSE(rules.pass(endless));
}
