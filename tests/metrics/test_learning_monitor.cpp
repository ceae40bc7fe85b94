// Means per policy line and request type, and each alarm: on when it should be, off again, silent otherwise.

#include "metrics/learning_monitor.hpp"

#include "support/catch.hpp"

using namespace clawrl;

namespace {

JudgedFacts usual(int i) {
  JudgedFacts facts;
  facts.score = i % 3 - 1;
  facts.agreement = 1;
  facts.hinted = i % 2 == 0;
  facts.tokens = 40;
  facts.entropy = 1;
  return facts;
}

/// `count` turns after `change`; the alarms that changed, "+name" or "-name".
template <class Change>
std::vector<std::string> feed(LearningMonitor& monitor, int count, Change change, const std::string& line = "main") {
  std::vector<std::string> said;
  for (int i = 0; i < count; ++i) {
    JudgedFacts facts = usual(i);
    change(facts);
    for (const LearningAlarm& alarm : monitor.add(line, "math", facts)) {
      CHECK(alarm.line == line);
      CHECK(alarm.type == "math");
      CHECK_FALSE(alarm.text.empty());
      said.push_back((alarm.on ? "+" : "-") + alarm.name);
    }
  }
  return said;
}

constexpr auto nothing = [](JudgedFacts&) {};
using Said = std::vector<std::string>;

}  // namespace

TEST_CASE("means over the newest turns of a line and type") {
  LearningMonitor monitor({.window = 6});
  feed(monitor, 6, [](JudgedFacts& facts) { facts.score.reset(); });
  feed(monitor, 6, nothing);
  feed(
      monitor, 1, [](JudgedFacts& facts) { facts.tokens = 7; }, "of mia");
  const auto views = monitor.views();
  REQUIRE(views.size() == 2);
  CHECK(views[0].line == "main");
  CHECK(views[0].means.turns == 12);
  CHECK(views[0].means.reward == Approx(0));
  CHECK(views[0].means.agreement == Approx(1));
  CHECK(views[0].means.invalid == 0);
  CHECK(views[0].means.hinted == Approx(0.5));
  CHECK(views[0].means.tokens == Approx(40));
  CHECK(views[1].means.tokens == Approx(7));
  CHECK(views[1].means.turns == 1);
  CHECK(views[0].alarms.size() == LearningMonitor::alarm_names().size());
}

TEST_CASE("no alarm in a usual run") {
  LearningMonitor monitor;
  CHECK(feed(monitor, 1000, nothing).empty());
}

TEST_CASE("each alarm comes with its failure, once, and goes when it is over") {
  LearningMonitor monitor;
  feed(monitor, 60, nothing);
  SECTION("replies twice as long") {
    CHECK(feed(monitor, 60, [](JudgedFacts& facts) { facts.tokens = 85; }) == Said{"+length_doubling"});
    CHECK(monitor.views()[0].alarms.at("length_doubling"));
    CHECK(feed(monitor, 60, nothing) == Said{"-length_doubling"});
    CHECK_FALSE(monitor.views()[0].alarms.at("length_doubling"));
  }
  SECTION("entropy rises") {
    CHECK(feed(monitor, 60, [](JudgedFacts& facts) { facts.entropy = 1.6; }) == Said{"+entropy_rise"});
    CHECK(feed(monitor, 60, nothing) == Said{"-entropy_rise"});
  }
  SECTION("all verdicts are the same") {
    CHECK(feed(monitor, 60, [](JudgedFacts& facts) { facts.score = -1; }) == Said{"+vote_collapse"});
    CHECK(feed(monitor, 60, nothing) == Said{"-vote_collapse"});
  }
  SECTION("the judge gives no box") {
    CHECK(feed(monitor, 60, [](JudgedFacts& facts) { facts.score.reset(); }) == Said{"+judge_invalid"});
    CHECK(feed(monitor, 60, nothing) == Said{"-judge_invalid"});
  }
  SECTION("replies repeat hints") {
    CHECK(feed(monitor, 60, [](JudgedFacts& facts) { facts.copies_hint = facts.hinted; }) == Said{"+hint_copying"});
    CHECK(feed(monitor, 60, nothing) == Said{"-hint_copying"});
  }
}

TEST_CASE("a policy that falls apart in a short run is seen: forty turns of a type") {
  LearningMonitor monitor;
  feed(monitor, 20, nothing);
  CHECK(feed(monitor, 20, [](JudgedFacts& facts) { facts.tokens = 128; }) == Said{"+length_doubling"});
}

TEST_CASE("an alarm does not flutter at its limit, and too few turns say nothing") {
  LearningMonitor monitor;
  CHECK(feed(monitor, 49, [](JudgedFacts& facts) { facts.score = -1; }).empty());
  LearningMonitor brief;
  feed(brief, 20, nothing);
  CHECK(feed(brief, 19, [](JudgedFacts& facts) { facts.tokens = 80; }).empty());
  LearningMonitor other;
  feed(other, 60, nothing);
  feed(other, 60, [](JudgedFacts& facts) { facts.tokens = 81; });
  CHECK(feed(other, 300, [](JudgedFacts& facts) { facts.tokens = 78; }).empty());  // below the limit, above its release
}
