// How sessions end, what is forgotten when, and what a restart brings back.

#include "session/session_store.hpp"

#include "session/session_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const SessionRun::Voice alice{"", "alice", "", "", ""};
const Messages question{user("q")};

}  // namespace

TEST_CASE("a session ends by idleness or on request; a late answer still finds its turn") {
  SessionRun run({10, 100, 1000, 1000});
  run.exchange(question, "a", alice);
  run.now = 5;
  const auto other = run.exchange({user("other")}, "b", {"", "bob", "", "", ""});
  run.now = 9.5;
  CHECK(run.store.expire(run.now).empty());
  run.now = 10;
  CHECK(ids(run.store.expire(run.now)) == std::vector<std::int64_t>{1});
  CHECK(run.store.sessions() == 1);
  CHECK(run.store.end("bob") == std::vector<EndedTurn>{{other.turn.id, false}});
  CHECK(run.store.end("bob").empty());
  CHECK(run.store.end("nobody").empty());
  run.now = 60;
  const auto late = run.exchange(question + Messages{bot("a"), user("back again")}, "welcome", alice);
  REQUIRE(late.answers() == 1);
  CHECK(late.linked[0].late);
  CHECK(late.turn.index == 1);
  CHECK(run.ask({user("other"), bot("b"), user("x")}, {"", "bob", "", "", ""}).linked.empty());  // was ended
  run.now = 200;
  CHECK(ids(run.store.expire(run.now)) == std::vector<std::int64_t>{3});
  CHECK(run.store.kept_turns() == 0);
}

TEST_CASE("open turns and kept turns are bounded: the sessions that were quiet longest go first") {
  SessionRun run({1000, 10000, 2, 4});
  for (int i = 1; i <= 3; ++i) {
    run.now = i;
    run.exchange(question, "r", {"", "s" + std::to_string(i), "", "", ""});
  }
  CHECK(ids(run.store.expire(4)) == std::vector<std::int64_t>{1});
  CHECK(run.store.open_turns() == 2);
  CHECK(run.store.kept_turns() == 3);
  for (int i = 4; i <= 10; ++i) {
    run.now = i;
    run.exchange(question, "r", {"", "s" + std::to_string(i), "", "", ""});
  }
  CHECK(run.store.expire(11).size() == 7);
  CHECK(run.store.kept_turns() == 4);

  SessionRun one;  // a single session that never ends
  Messages all;
  for (int i = 0; i < 2200; ++i) {
    all = {user("q" + std::to_string(i))};
    one.exchange(all, "r", alice);
    all = all + Messages{bot("r"), user("x")};
    one.store.aborted(one.ask(all, alice).turn.id);
  }
  CHECK(one.store.kept_turns() <= 2048);
}

TEST_CASE("after a restart open turns go on to link, and indices go on") {
  SessionRun before;
  auto first = before.exchange(question, "a", alice);
  auto unstated = before.exchange({user("no session")}, "b");
  SessionRun run;
  run.turns = 2;
  run.store.resume_index("alice", 7, 0);
  CHECK_FALSE(run.store.answered(first.turn, 0));
  CHECK_FALSE(run.store.answered(unstated.turn, 0));
  const auto next = run.ask(question + Messages{bot("a"), user("x")}, alice);
  CHECK(next.answers() == 1);
  CHECK(next.turn.index == 7);
  const auto other = run.ask({user("no session"), bot("b"), user("y")});
  CHECK(other.answers() == 2);
  CHECK(other.turn.session == unstated.turn.session);
}

TEST_CASE("after a restart it is still known which replies lived on") {
  SessionRun before;
  auto left = before.exchange(question, "left", alice);
  auto kept = before.exchange(question, "kept", alice);
  kept.turn.next_state = {user("x")};
  kept.turn.state = TurnState::judging;
  auto ended = before.exchange({user("old")}, "one", {"", "old", "", "", ""});
  ended.turn.state = TurnState::expired;
  SessionRun run;
  run.turns = 3;
  for (const auto& one : {left, kept, ended}) run.store.restore(one.turn, 0);
  CHECK(run.store.open_turns() == 1);
  CHECK(run.ask(question + Messages{bot("kept"), user("x")}, alice).linked.empty());
  const auto late = run.ask({user("old"), bot("one"), user("y")}, {"", "old", "", "", ""});
  REQUIRE(late.answers() == 3);
  CHECK(late.linked[0].late);
  CHECK(run.store.end("alice") == std::vector<EndedTurn>{{{1}, true}});
}

TEST_CASE("turns that are only stored are linked, and nobody hears of their end") {
  SessionRun run;
  auto asked = run.ask(question, alice);
  asked.turn.reply = "a";
  asked.turn.state = TurnState::excluded;
  run.store.answered(asked.turn, 0);
  CHECK(run.exchange(question + Messages{bot("a"), user("x")}, "b", alice).answers() == 1);
  auto last = run.ask(question + Messages{bot("a"), user("x"), bot("b"), user("y")}, alice);
  last.turn.reply = "c";
  last.turn.state = TurnState::excluded;
  run.store.answered(last.turn, 0);
  CHECK(run.store.end("alice").empty());
}
