// What is remembered of a user's hints, and whose they are.

#include "samples/earlier_hints.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

using Texts = std::vector<std::string>;

Turn turn_of(const std::string& user, std::int64_t id) {
  Turn turn;
  turn.id = {id};
  turn.user = user;
  turn.session = "s";
  return turn;
}

Verdict hinted(const Texts& hints, std::int32_t chosen) {
  Verdict verdict;
  verdict.hints = hints;
  verdict.chosen_hint = chosen;
  return verdict;
}

}  // namespace

TEST_CASE("each user's newest chosen hints are remembered, oldest first") {
  EarlierHints earlier;
  for (std::int64_t id = 1; id <= 6; ++id)
    earlier.add(turn_of("eve", id), hinted({"no", "hint " + std::to_string(id)}, 1));
  earlier.add(turn_of("bob", 7), hinted({"be brief"}, 0));
  earlier.add(turn_of("eve", 8), hinted({"never chosen"}, -1));
  CHECK(earlier.before(turn_of("eve", 9)) == Texts{"hint 3", "hint 4", "hint 5", "hint 6"});
  CHECK(earlier.before(turn_of("bob", 9)) == Texts{"be brief"});
  CHECK(earlier.before(turn_of("new", 9)).empty());
}

TEST_CASE("a turn is not compared with itself, and a further revision takes the place of the one before") {
  EarlierHints earlier;
  earlier.add(turn_of("eve", 1), hinted({"be brief"}, 0));
  CHECK(earlier.before(turn_of("eve", 1)).empty());
  earlier.add(turn_of("eve", 1), hinted({"be kind"}, 0));
  CHECK(earlier.before(turn_of("eve", 2)) == Texts{"be kind"});
}

TEST_CASE("what is erased is forgotten; the user silent longest goes when there are too many") {
  EarlierHints earlier;
  for (std::int64_t i = 0; i <= static_cast<std::int64_t>(EarlierHints::most_users); ++i)
    earlier.add(turn_of("user " + std::to_string(i), i + 1), hinted({"be brief"}, 0));
  CHECK(earlier.before(turn_of("user 0", 0)).empty());
  CHECK(earlier.before(turn_of("user 1", 0)).size() == 1);
  earlier.forget({2});
  CHECK(earlier.before(turn_of("user 1", 0)).empty());
  CHECK(earlier.before(turn_of("user 2", 0)).size() == 1);
}
