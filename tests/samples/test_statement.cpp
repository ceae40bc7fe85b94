// What a user's words are about.

#include "samples/statement.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("a statement is what it is about, and whether it is wanted") {
  CHECK(statement_of("No lists, please.") == statement_of("please don't use lists"));
  CHECK(statement_of("No lists, please.") == statement_of("could you leave out the list"));
  CHECK(statement_of("Please use a list.").topic == statement_of("no list").topic);
  CHECK_FALSE(statement_of("Please use a list.").negated);
  CHECK(statement_of("Stop, no bold text").negated == false);  // twice is not at all
  CHECK(statement_of("no bold text").topic != statement_of("no lists").topic);
  CHECK(statement_of("").topic == 0);
  CHECK(statement_of("no, not that!").topic == 0);  // about nothing that could be compared
}
