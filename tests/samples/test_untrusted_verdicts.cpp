// Verdicts that wait until their user is trusted.

#include "samples/untrusted_verdicts.hpp"
#include "support/catch.hpp"
#include "weighed_turn.hpp"

using namespace clawrl;
using test::turn_of, test::verdict_of;

namespace {

UntrustedVerdict said_by(const Turn& turn, std::int8_t score = -1) {
  return {turn, verdict_of(score), {}};
}

std::vector<TurnId> ids_of(const std::vector<UntrustedVerdict>& verdicts) {
  std::vector<TurnId> ids;
  for (const UntrustedVerdict& one : verdicts) ids.push_back(one.turn.id);
  return ids;
}

}  // namespace

TEST_CASE("a user's verdicts are taken together, oldest first, and nobody else's") {
  UntrustedVerdicts held;
  const Turn first = turn_of("eve", "a"), other = turn_of("bob", "b"), second = turn_of("eve", "c");
  for (const Turn& turn : {first, other, second}) CHECK_FALSE(held.add(said_by(turn)));
  CHECK(held.waiting() == 3);
  CHECK(ids_of(held.take(turn_of("eve", "d"))) == std::vector<TurnId>{first.id, second.id});
  CHECK(held.take(first).empty());
  CHECK(held.waiting() == 1);
}

TEST_CASE("a further verdict on a turn takes the place of the one before; what is dropped waits no longer") {
  UntrustedVerdicts held;
  const Turn turn = turn_of("eve", "a"), gone = turn_of("eve", "b");
  held.add(said_by(turn, -1));
  held.add(said_by(gone));
  held.add(said_by(turn, 1));
  held.drop(gone.id);
  const auto taken = held.take(turn);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].verdict.score == 1);
  CHECK(held.waiting() == 0);
}

TEST_CASE("there is room for so many of a user and of all: the oldest goes") {
  UntrustedVerdicts held;
  const Turn first = turn_of("eve", "a");
  held.add(said_by(first));
  for (std::size_t i = 1; i < UntrustedVerdicts::most_per_user; ++i)
    CHECK_FALSE(held.add(said_by(turn_of("eve", "b"))));
  const auto displaced = held.add(said_by(turn_of("eve", "c")));
  REQUIRE(displaced);
  CHECK(displaced->turn.id == first.id);
  UntrustedVerdicts many;
  const Turn oldest = turn_of("user 0", "a");
  many.add(said_by(oldest));
  for (std::size_t i = 1; i < UntrustedVerdicts::most_turns; ++i)
    CHECK_FALSE(many.add(said_by(turn_of("user " + std::to_string(i), "a"))));
  const auto last = many.add(said_by(turn_of("nobody", "a")));
  REQUIRE(last);
  CHECK(last->turn.id == oldest.id);
  CHECK(many.waiting() == UntrustedVerdicts::most_turns);
}
