// Whose line a turn is of, and what is known of each line.

#include "core/error.hpp"
#include "samples/feedback_weight.hpp"
#include "samples/policy_lines.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("a turn's line: one for all, or one for each who gives a name") {
  PolicyConfig config;
  Turn turn;
  turn.key = "k1";
  turn.user = "mia";
  CHECK(policy_line(config, turn) == "main");
  config.lines = "user";
  CHECK(policy_line(config, turn) == influence_key(turn));
  CHECK(policy_line(config, turn).find("mia") == std::string::npos);
  CHECK(policy_line(config, "k1", "mia") != policy_line(config, "k2", "mia"));
  CHECK(policy_line(config, "k1", "") != policy_line(config, "", "k1"));
  CHECK(policy_line(config, "", "") == "main");  // nobody in particular
}

TEST_CASE("age counts a line's own versions only") {
  PolicyLines lines(3, 4);
  lines.stepped("a", 1);
  for (std::int64_t version = 2; version <= 9; ++version) lines.stepped("b", version);
  lines.stepped("a", 10);
  CHECK(lines.newest("a") == 10);
  CHECK(lines.newest("b") == 9);
  CHECK(lines.newest("c") == 0);
  CHECK(lines.steps("b") == 8);
  CHECK(lines.age("a", 0) == 2);
  CHECK(lines.age("a", 1) == 1);
  CHECK(lines.age("a", 10) == 0);
  CHECK(lines.age("b", 8) == 1);
  CHECK(lines.age("b", 1) == 4);  // as far as it is remembered
  CHECK(lines.age("c", 5) == 0);
  lines.stepped("a", lines.newest("a"));  // a step without a new version
  CHECK(lines.steps("a") == 3);
  CHECK(lines.age("a", 1) == 1);
}

TEST_CASE("lines are bounded; an erased one leaves its place") {
  PolicyLines lines(2, 4);
  CHECK(lines.admit("a"));
  CHECK(lines.admit("b"));
  CHECK(lines.admit("a"));
  CHECK_FALSE(lines.admit("c"));
  lines.stepped("a", 1);
  lines.erase("a");
  CHECK(lines.newest("a") == 0);
  CHECK(lines.admit("c"));
  CHECK(lines.names() == std::vector<std::string>{"b", "c"});
}

TEST_CASE("what a checkpoint keeps of the lines") {
  PolicyLines lines(4, 3), read(4, 3);
  lines.begin_at("main", 7, 7);
  lines.stepped("0f3a", 8);
  lines.admit("quiet");
  read.restore(lines.text());
  CHECK(read.text() == lines.text());
  CHECK(read.age("main", 5) == 2);
  CHECK(read.age("main", 1) == 3);
  CHECK(read.steps("main") == 7);
  CHECK(read.newest("0f3a") == 8);
  CHECK_THROWS_AS(read.restore("main seven"), UserError);
  CHECK_THROWS_AS(read.restore("main 7 1 x"), UserError);
}

TEST_CASE("with both the shared line is always there and takes no user's place") {
  RunConfig config;
  config.policy.lines = "both";
  config.policy.max_lines = 1;
  CHECK(policy_line(config.policy, "", "mia") == policy_line({.lines = "user"}, "", "mia"));
  CHECK(policy_line(config.policy, "", "") == "main");
  PolicyLines lines(config);
  CHECK(lines.contains("main"));
  CHECK(lines.admit("a"));
  CHECK_FALSE(lines.admit("b"));
  lines.restore("a 1 5\n");
  CHECK(lines.names() == std::vector<std::string>{"a", "main"});
}
