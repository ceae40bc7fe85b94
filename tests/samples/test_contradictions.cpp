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

Verdict praise(double agreement) {
  Verdict verdict = verdict_of(1);
  verdict.hint_agreement = static_cast<float>(agreement);
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

TEST_CASE("who has wishes is believed once what they say has agreed with them often enough") {
  const FeedbackWeighting settings{.trusted_after = 2};
  FeedbackWeights weights(settings), restarted(settings);
  CHECK(weights.hear(turn_of("eve", "Perfect!"), verdict_of(1)) == Standing::steady);  // no wish so far
  CHECK(weights.hear(turn_of("eve", "write more"), first_hint()) == Standing::untrusted);
  CHECK(weights.hear(turn_of("bob", "write more"), first_hint()) == Standing::untrusted);
  const Turn second = turn_of("eve", "too terse");
  CHECK(weights.hear(second, compared(0.3)) == Standing::untrusted);
  CHECK(weights.hear(second, compared(0.3)) == Standing::untrusted);  // heard again, it counts once
  restarted.restore(weights.text());
  CHECK(restarted.hear(turn_of("eve", "next task"), verdict_of(0)) == Standing::steady);  // says nothing of the others
  CHECK(restarted.hear(turn_of("eve", "still too terse"), compared(0.9)) == Standing::trusted);
  CHECK(restarted.hear(turn_of("eve", "wrong"), verdict_of(-1)) == Standing::trusted);
  CHECK(restarted.weigh(second, compared(0.3)).value == 1);
  CHECK(restarted.hear(turn_of("bob", "too terse"), compared(0.3)) == Standing::untrusted);  // hers say nothing of his
  CHECK(restarted.hear(turn_of("", "write more"), first_hint()) == Standing::steady);  // who is unnamed has no history
  CHECK(restarted.weigh(turn_of("ada", "write more"), first_hint()).reason == "discounted");  // not to be weighed yet
}

TEST_CASE("praise that agrees counts as four hints that do: it is that much rarer among those who talk at random") {
  const FeedbackWeighting settings{.trusted_after = 5};
  FeedbackWeights weights(settings), restarted(settings);
  weights.hear(turn_of("eve", "write more"), first_hint());
  CHECK(weights.hear(turn_of("eve", "Perfect!"), praise(0.3)) == Standing::untrusted);
  restarted.restore(weights.text());
  CHECK(restarted.text() == weights.text());
  CHECK(restarted.hear(turn_of("eve", "still too terse"), compared(0.9)) == Standing::trusted);
  weights.hear(turn_of("bob", "write more"), first_hint());
  for (int i = 0; i < 4; ++i) CHECK(weights.hear(turn_of("bob", "too terse"), compared(0.9)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("bob", "too terse"), compared(0.9)) == Standing::trusted);
}

TEST_CASE("what contradicts earns no trust, be it a wish or praise of what was not wished for") {
  FeedbackWeights weights({.trusted_after = 1}), strict({.most_contradictions = 0.2, .trusted_after = 1});
  weights.hear(turn_of("eve", "write more"), first_hint());
  CHECK(weights.hear(turn_of("eve", "Perfect!"), praise(-0.99)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("eve", "too chatty"), compared(-0.9)) == Standing::untrusted);
  for (const char* words : {"Perfect!", "Nice!"})  // not what she meant, nor against it, and not enough against the two
    CHECK(weights.hear(turn_of("eve", words), praise(-0.7)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("eve", "Thanks!"), praise(-0.7)) == Standing::trusted);
  strict.hear(turn_of("eve", "write more"), first_hint());
  CHECK(strict.hear(turn_of("eve", "Perfect!"), praise(-0.99)) == Standing::untrusted);  // it may have been a slip
  CHECK(strict.hear(turn_of("eve", "Perfect!"), praise(-0.99)) == Standing::unsteady);
}

TEST_CASE("after a slip whoever was trusted waits until enough agrees again; what was learned from them stays") {
  FeedbackWeights weights({.most_contradictions = 0.2, .trusted_after = 1});
  const Turn wish = turn_of("eve", "write more");
  weights.hear(wish, first_hint());
  CHECK(weights.hear(turn_of("eve", "still too terse"), compared(0.9)) == Standing::trusted);
  CHECK(weights.weigh(wish, first_hint()).value == 1);
  CHECK(weights.hear(turn_of("eve", "too chatty"), compared(-0.9)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("eve", "wrong"), verdict_of(-1)) == Standing::untrusted);  // a vote without a wish, too
  const Turn praised = turn_of("eve", "Perfect!");
  CHECK(weights.hear(praised, praise(0.9)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("eve", "write more"), compared(0.9)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("eve", "write more"), compared(0.9)) == Standing::trusted);  // four of five
  CHECK(weights.weigh(praised, praise(0.9)).value == 1);
}

TEST_CASE("trust makes up for being new") {
  FeedbackWeights weights({.trusted_after = 1, .newcomer_samples = 4});
  weights.hear(turn_of("eve", "write more"), first_hint());
  CHECK(weights.weigh(turn_of("eve", "still too terse"), compared(0.9)).value == 1);
  CHECK(weights.weigh(turn_of("", "write more"), first_hint()).value == 0.25);
}

TEST_CASE("a newcomer's votes wait: for trust if they have wishes, else until they have said enough") {
  const FeedbackWeighting settings{.most_contradictions = 0.2, .trusted_after = 2, .newcomer_samples = 3};
  FeedbackWeights weights(settings), restarted(settings);
  const Turn first = turn_of("eve", "Perfect!"), second = turn_of("eve", "Nice!"), third = turn_of("eve", "Thanks!");
  CHECK(weights.hear(first, verdict_of(1)) == Standing::untrusted);
  CHECK(weights.weigh(turn_of("ada", "Perfect!"), verdict_of(1)).reason == "discounted");  // not to be weighed yet
  CHECK(weights.hear(turn_of("bob", "Perfect!"), verdict_of(1)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("bob", "too terse"), first_hint()) == Standing::untrusted);
  CHECK(weights.hear(turn_of("", "Perfect!"), verdict_of(1)) == Standing::steady);  // who is unnamed cannot wait
  CHECK(weights.hear(second, verdict_of(1)) == Standing::untrusted);
  restarted.restore(weights.text());
  CHECK(restarted.hear(third, verdict_of(1)) == Standing::trusted);  // what she votes on is all there is to know
  CHECK(restarted.weigh(first, verdict_of(1)).value == Approx(1.0 / 3));
  CHECK(restarted.weigh(second, verdict_of(1)).value == Approx(2.0 / 3));
  CHECK(restarted.weigh(third, verdict_of(1)).value == 1);
  CHECK(restarted.hear(turn_of("bob", "next"), verdict_of(0)) == Standing::steady);  // releases nothing: he has a wish
  CHECK(restarted.hear(turn_of("bob", "terse"), compared(0.9)) == Standing::untrusted);
  CHECK(restarted.hear(turn_of("bob", "terse"), compared(0.9)) == Standing::trusted);
}

TEST_CASE("a sample without an advantage takes nothing, and what was said with it counts") {
  FeedbackWeights weights({.most_contradictions = 0.2, .trusted_after = 1, .user_daily_cap = 0.5});
  CHECK(weights.weigh(turn_of("eve", "Perfect!"), praise(0.3), false).reason == "zero_advantage");
  CHECK(weights.weigh(turn_of("eve", "write more"), compared(0.9)).value == 0.5);  // trusted, and nothing was taken
  CHECK(weights.weigh(turn_of("eve", "Perfect!"), praise(-0.99), false).reason == "zero_advantage");
  const FeedbackWeight against = weights.weigh(turn_of("eve", "Perfect!"), praise(-0.99), false);
  CHECK(against.reason == "unsteady");
  CHECK(against.withdrawn.size() == 1);
  FeedbackWeights off{FeedbackWeighting{}};
  CHECK(off.weigh(turn_of("eve", "Perfect!"), verdict_of(1), false).reason == "zero_advantage");
}

TEST_CASE("what waited is weighed by what had been said until then, once") {
  FeedbackWeights weights({.repetition_weight = 0.5, .trusted_after = 1});
  const Turn first = turn_of("eve", "no lists"), second = turn_of("eve", "please no lists");
  CHECK(weights.hear(first, first_hint()) == Standing::untrusted);
  CHECK(weights.hear(second, compared(0.9)) == Standing::trusted);
  CHECK(weights.weigh(first, first_hint()).value == 1);
  CHECK(weights.weigh(second, compared(0.9)).value == 0.5);
  FeedbackWeights changed({.contradiction_weight = 0.25, .trusted_after = 1});
  const Turn before = turn_of("eve", "no lists"), after = turn_of("eve", "use lists");
  changed.hear(before, first_hint());
  changed.hear(after, compared(-0.9));
  CHECK(changed.hear(turn_of("eve", "Perfect!"), praise(0.5)) == Standing::untrusted);  // it makes up for the change
  CHECK(changed.hear(turn_of("eve", "Nice!"), praise(0.5)) == Standing::trusted);
  CHECK(changed.weigh(before, first_hint()).value == 1);
  CHECK(changed.weigh(after, compared(-0.9)).value == 0.25);  // a change of mind is paid for once
}

TEST_CASE("only what is remembered counts, the newest piece included") {
  FeedbackWeights weights({.trusted_after = 2, .memory = 1});
  weights.hear(turn_of("eve", "write more"), compared(0.9));
  weights.hear(turn_of("eve", "next task"), verdict_of(0));
  CHECK(weights.hear(turn_of("eve", "still too terse"), compared(0.9)) == Standing::untrusted);
  CHECK(weights.hear(turn_of("eve", "too terse"), compared(0.9)) == Standing::trusted);
}
