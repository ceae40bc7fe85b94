// What the learning monitor is told of a judged turn.

#include "roles/learning_facts.hpp"

#include "support/catch.hpp"

using namespace clawrl;

namespace {

Turn turn_with(const std::string& reply) {
  Turn turn;
  turn.reply = reply;
  turn.completion.ids = {1, 2, 3, 4};
  turn.completion.logprobs_t1 = {-1.0F, -2.0F, -0.5F, -0.5F};
  return turn;
}

Verdict verdict_with(const std::string& hint) {
  Verdict verdict;
  verdict.votes = {std::int8_t{-1}, std::nullopt, std::int8_t{-1}, std::int8_t{1}};
  verdict.score = -1;
  if (hint.empty()) return verdict;
  verdict.hints = {"not this one", hint};
  verdict.chosen_hint = 1;
  return verdict;
}

}  // namespace

TEST_CASE("votes, hint, length and entropy of a turn") {
  LearningFacts facts;
  const JudgedFacts found =
      facts.of(turn_with("Three apples."), verdict_with("Please write a longer reply next time."), -0.25);
  CHECK(found.score == -1);
  CHECK(found.agreement == Approx(0.5));
  CHECK(found.hinted);
  CHECK_FALSE(found.copies_hint);
  CHECK(found.advantage == Approx(-0.25));
  CHECK(found.tokens == 4);
  CHECK(found.entropy == Approx(1));
  Verdict silent;
  silent.votes = {std::nullopt, std::nullopt};
  const JudgedFacts none = facts.of(turn_with(""), silent, 0);
  CHECK_FALSE(none.score);
  CHECK_FALSE(none.hinted);
}

TEST_CASE("a reply that repeats an earlier hint is noticed, its own hint or a few common words are not") {
  LearningFacts facts;
  const std::string hint = "Please write the answer without any bold text.";
  CHECK_FALSE(facts.of(turn_with("I write the answer without any bold text."), verdict_with(hint), 0).copies_hint);
  CHECK(facts.of(turn_with("As you like: WRITE the answer, without any bold text! Three."), verdict_with(""), 0)
            .copies_hint);
  CHECK_FALSE(facts.of(turn_with("Here is the answer without any list."), verdict_with(""), 0).copies_hint);
  facts.of(turn_with("Three."), verdict_with("Be warmer now."), 0);  // too short to tell
  CHECK_FALSE(facts.of(turn_with("I can be warmer now."), verdict_with(""), 0).copies_hint);
  for (int i = 0; i < 40; ++i)
    facts.of(turn_with("Three."), verdict_with("Some other wish, number " + std::to_string(i)), 0);
  CHECK_FALSE(facts.of(turn_with("I write the answer without any bold text."), verdict_with(""), 0).copies_hint);
}
