// The strictest of server, key, session and request counts.

#include "privacy/learning_rules.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("the strictest counts") {
  for (Learning server : {Learning::learn, Learning::store, Learning::off})
    for (Learning session : {Learning::learn, Learning::store, Learning::off})
      for (Learning asked : {Learning::learn, Learning::store, Learning::off}) {
        LearningRules rules(server);
        rules.set(LearningRules::hash("alice"), session);
        CHECK(rules.effective(asked, "alice") == std::max({server, session, asked}));
        CHECK(rules.effective(asked, "bob") == std::max(server, asked));
        CHECK(rules.effective(asked, "") == std::max(server, asked));
      }
}

TEST_CASE("a rule may be changed and lifted; the oldest goes when there are too many") {
  LearningRules rules;
  const auto alice = LearningRules::hash("alice");
  CHECK(rules.set(alice, Learning::off) == 0);
  CHECK(rules.set(alice, Learning::store) == 0);
  CHECK(rules.effective(Learning::learn, "alice") == Learning::store);
  CHECK(rules.sessions() == 1);
  rules.set(alice, Learning::learn);
  CHECK(rules.sessions() == 0);
  rules.set(alice, Learning::off);
  std::int64_t gone = 0;
  for (std::int64_t i = 1; i <= static_cast<std::int64_t>(LearningRules::most_sessions); ++i)
    gone = rules.set(i, Learning::off);
  CHECK(gone == alice);
  CHECK(rules.sessions() == LearningRules::most_sessions);
  CHECK(rules.effective(Learning::learn, "alice") == Learning::learn);
}
