// Users who contradict themselves, and users who repeat what they want.

#include "samples/feedback_weight.hpp"
#include "support/catch.hpp"
#include "weighed_turn.hpp"

using namespace clawrl;
using test::turn_of, test::verdict_of, test::weight;

namespace {

Verdict compared(double agreement) {
  Verdict verdict = verdict_of(-1);
  verdict.hints = {"Write more."};
  verdict.chosen_hint = 0;
  verdict.hint_agreement = static_cast<float>(agreement);
  return verdict;
}

/// A hint of somebody who has given none before.
Verdict first_hint() {
  Verdict verdict = compared(0);
  verdict.hint_agreement.reset();
  return verdict;
}

}  // namespace

TEST_CASE("who says the opposite of what they said last counts less; a change of mind is paid for once") {
  FeedbackWeights weights({.contradiction_weight = 0.25});
  CHECK(weight(weights, turn_of("eve", "no lists")) == 1);
  CHECK(weight(weights, turn_of("eve", "please use lists")) == 0.25);
  CHECK(weight(weights, turn_of("eve", "please use a list")) == 1);
  CHECK(weight(weights, turn_of("eve", "don't use lists")) == 0.25);
  CHECK(weight(weights, turn_of("bob", "use lists")) == 1);  // others may want others
  FeedbackWeights deaf({.contradiction_weight = 0});
  weight(deaf, turn_of("eve", "no lists"));
  CHECK(deaf.weigh(turn_of("eve", "use lists"), verdict_of(1)).reason == "discounted");
}

TEST_CASE("a hint opposed to an earlier one is a contradiction, in whatever words") {
  FeedbackWeights weights({.contradiction_weight = 0.25});
  CHECK(weights.weigh(turn_of("eve", "write more"), compared(1)).value == 1);
  CHECK(weights.weigh(turn_of("eve", "too chatty"), compared(-0.9)).value == 0.25);
  CHECK(weights.weigh(turn_of("eve", "no bold text"), compared(-0.1)).value == 1);  // another wish, not the opposite
}

TEST_CASE("who contradicts themselves too often is not learned from, until they are steady again") {
  FeedbackWeights weights({.most_contradictions = 0.2});
  const Turn first = turn_of("eve", "write more"), second = turn_of("eve", "Perfect!");
  CHECK(weights.weigh(first, verdict_of(-1)).value == 1);
  CHECK(weights.weigh(second, verdict_of(1)).value == 1);
  const FeedbackWeight third = weights.weigh(turn_of("eve", "too chatty"), compared(-0.9));
  CHECK(third.value == 0);
  CHECK(third.reason == "unsteady");
  CHECK(third.withdrawn == std::vector<TurnId>{first.id, second.id});
  const FeedbackWeight praise = weights.weigh(turn_of("eve", "Perfect!"), verdict_of(1));
  CHECK(praise.reason == "unsteady");  // whatever they say
  CHECK(praise.withdrawn.empty());     // once is enough
  CHECK(weights.weigh(turn_of("bob", "write more"), verdict_of(-1)).value == 1);
  for (int i = 0; i < 3; ++i) CHECK(weights.weigh(turn_of("eve", "no bold"), compared(0)).value == 0);
  CHECK(weights.weigh(turn_of("eve", "be brief"), compared(0)).value == 1);  // one in five is forgiven
}

TEST_CASE("praise in the same words does not make up for contradictions; steadiness survives a restart") {
  const FeedbackWeighting settings{.most_contradictions = 0.2};
  FeedbackWeights weights(settings), restarted(settings);
  weights.weigh(turn_of("eve", "no lists"), verdict_of(-1));
  weights.weigh(turn_of("eve", "use lists"), verdict_of(-1));
  for (int i = 0; i < 6; ++i) weights.weigh(turn_of("eve", "lovely lists"), verdict_of(1));
  restarted.restore(weights.text());
  CHECK(restarted.text() == weights.text());
  CHECK(restarted.weigh(turn_of("eve", "a cat"), verdict_of(-1)).reason == "unsteady");
}

TEST_CASE("a wish counts in full once its user has had it before; votes, praise and the unnamed are not held up") {
  FeedbackWeights weights({.first_wish_weight = 0.25});
  CHECK(weights.weigh(turn_of("eve", "write more"), first_hint()).value == 0.25);
  CHECK(weights.weigh(turn_of("eve", "still too terse"), compared(0.9)).value == 1);
  CHECK(weights.weigh(turn_of("eve", "no bold text"), compared(0.1)).value == 0.25);  // another wish
  CHECK(weights.weigh(turn_of("eve", "too chatty"), compared(-0.9)).value == 0.25);
  CHECK(weights.weigh(turn_of("eve", "wrong"), verdict_of(-1)).value == 1);
  CHECK(weights.weigh(turn_of("eve", "Perfect!"), verdict_of(1)).value == 1);
  CHECK(weights.weigh(turn_of("bob", "write more"), first_hint()).value == 0.25);  // others' wishes say nothing of his
  CHECK(weights.weigh(turn_of("", "write more"), first_hint()).value == 1);
  FeedbackWeights strict({.first_wish_weight = 0});
  CHECK(strict.weigh(turn_of("eve", "write more"), first_hint()).reason == "discounted");
}

TEST_CASE("with both on a wish is believed when it is repeated, a vote when its user is no newcomer") {
  FeedbackWeights weights({.first_wish_weight = 0.125, .newcomer_samples = 4});
  CHECK(weights.weigh(turn_of("eve", "write more"), first_hint()).value == 0.125);
  CHECK(weights.weigh(turn_of("eve", "Perfect!"), verdict_of(1)).value == 0.5);
  CHECK(weights.weigh(turn_of("eve", "still too terse"), compared(0.9)).value == 1);
  CHECK(weights.weigh(turn_of("eve", "wrong"), verdict_of(-1)).value == 1);  // her fourth
  CHECK(weights.weigh(turn_of("", "write more"), first_hint()).value == 0.25);
}
