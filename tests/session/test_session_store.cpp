// Turns and their next states within a session that the client states.

#include "session/session_store.hpp"

#include "session/session_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const SessionRun::Voice alice{"", "alice", "", "", ""};
const Messages question{user("q")};

}  // namespace

TEST_CASE("the next message of a session answers the turn before it") {
  SessionRun run;
  const auto first = run.exchange(question, "a", alice);
  CHECK(first.turn.session == "alice");
  const auto second = run.ask(question + Messages{bot(" a\n"), user("thanks")}, alice);
  REQUIRE(second.answers() == 1);
  CHECK(second.linked[0].next_state == Messages{user("thanks")});
  CHECK_FALSE(second.linked[0].late);
  CHECK(second.turn.index == 1);
  CHECK(run.store.open_turns() == 0);
}

TEST_CASE("a turn is linked once, and only by its own session and key") {
  SessionRun run;
  run.exchange(question, "a", alice);
  const Messages request = question + Messages{bot("a"), user("x")};
  CHECK(run.ask(request, {"", "other", "", "", ""}).linked.empty());
  CHECK(run.ask(request, {"key2", "alice", "", "", ""}).linked.empty());
  CHECK(run.ask(request, {"key2", "alice", "", "", ""}).turn.session == "key2:alice");
  CHECK(run.ask(request).linked.empty());  // states no session
  CHECK(run.ask(request, alice).answers() == 1);
  CHECK(run.ask(request, alice).linked.empty());
}

TEST_CASE("of two replies to one question the one that lives on is linked, the other is superseded") {
  SessionRun run;
  run.exchange(question, "first", alice);
  run.exchange(question, "second", alice);
  run.exchange(question, "third", alice);
  const auto next = run.exchange(question + Messages{bot("second"), user("ok")}, "fine", alice);
  CHECK(next.answers() == 2);
  CHECK(next.turn.index == 3);
  CHECK(run.store.end("alice") == std::vector<EndedTurn>{{{1}, true}, {{3}, true}, {{4}, false}});
}

TEST_CASE("a last reply that was asked for again supersedes those before it") {
  SessionRun run;
  run.exchange(question, "first", alice);
  run.exchange(question, "second", alice);
  CHECK(run.store.end("alice") == std::vector<EndedTurn>{{{1}, true}, {{2}, false}});
}

TEST_CASE("the choices of one request share its index; only one that lived on for certain is not superseded") {
  for (const bool goes_on : {false, true}) {
    SessionRun run;
    auto first = run.ask(question, alice);
    auto second = first;
    second.turn.id = {++run.turns};
    run.answer(second, bot("other"));
    run.answer(first, bot("one"));
    if (goes_on) CHECK(run.ask(question + Messages{bot("other"), user("x")}, alice).answers() == second.turn.id.value);
    const auto ended = run.store.end("alice");
    if (goes_on) CHECK(ended == std::vector<EndedTurn>{{first.turn.id, true}});
    if (!goes_on) CHECK(ended == std::vector<EndedTurn>{{first.turn.id, true}, {second.turn.id, true}});
    CHECK(run.exchange(question, "later", alice).turn.index == (goes_on ? 2 : 1));
  }
}

TEST_CASE("an identical reply to a repeated question is linked once, whatever is repeated") {
  SessionRun run;
  run.exchange(question, "same", alice);
  run.exchange(question, "same", alice);
  const Messages next = question + Messages{bot("same"), user("x")};
  CHECK(run.ask(next, alice).answers() == 2);
  CHECK(run.ask(next, alice).linked.empty());
  const auto on = run.exchange(next, "y", alice);
  CHECK(run.ask(next + Messages{bot("y"), user("z")}, alice).answers() == on.turn.id.value);
  CHECK(run.store.end("alice") == std::vector<EndedTurn>{{{1}, true}});
}

TEST_CASE("several tool results are one next state; it ends at the next assistant message") {
  SessionRun run;
  auto asked = run.ask(question, alice);
  const std::vector<ToolCall> calls{{"idA", "f", "{}"}, {"idB", "g", "{}"}};
  run.answer(asked, calling(calls));
  const Messages results{result("idB", "r2"), result("idA", "r1")};
  const auto next = run.ask(question + Messages{calling(calls)} + results, alice);
  REQUIRE(next.answers() == 1);
  CHECK(next.linked[0].next_state == results);

  SessionRun late;  // the client's next request came through only after more had been said
  late.exchange(question, "a", alice);
  const auto more = late.ask(question + Messages{bot("a"), user("b"), bot("lost"), user("c")}, alice);
  REQUIRE(more.answers() == 1);
  CHECK(more.linked[0].next_state == Messages{user("b")});
}

TEST_CASE("an edited question or reply is no continuation") {
  SessionRun run;
  run.exchange(question, "a", alice);
  CHECK(run.ask({user("edited"), bot("a"), user("x")}, alice).linked.empty());
  CHECK(run.ask(question + Messages{bot("b"), user("x")}, alice).linked.empty());
  CHECK(run.ask(question + Messages{bot("a")}, alice).linked.empty());
  CHECK(run.store.open_turns() == 1);
}

TEST_CASE("history that was edited: the branch that was left is superseded") {
  SessionRun run;
  run.exchange(question, "a", alice);
  const Messages so_far = question + Messages{bot("a")};
  run.exchange(so_far + Messages{user("b")}, "left", alice);
  const auto edited = run.exchange(so_far + Messages{user("b, but better")}, "kept", alice);
  CHECK(edited.linked.empty());  // its turn is linked to the first question
  CHECK(run.ask(so_far + Messages{user("b, but better"), bot("kept"), user("c")}, alice).answers() == 3);
  CHECK(run.store.end("alice") == std::vector<EndedTurn>{{{2}, true}});
}

TEST_CASE("branches that both go on are both linked") {
  SessionRun run;
  run.exchange(question, "left", alice);
  run.exchange(question, "right", alice);
  CHECK(run.ask(question + Messages{bot("right"), user("x")}, alice).answers() == 2);
  CHECK(run.ask(question + Messages{bot("left"), user("y")}, alice).answers() == 1);
}

TEST_CASE("overlapping calls of one session do not disturb each other") {
  SessionRun run;
  auto one = run.ask({user("one")}, alice), two = run.ask({user("two")}, alice);
  run.answer(two, bot("reply two"));
  run.answer(one, bot("reply one"));
  CHECK(run.ask({user("one"), bot("reply one"), user("x")}, alice).answers() == 1);
  CHECK(run.ask({user("two"), bot("reply two"), user("y")}, alice).answers() == 2);
  CHECK(run.store.end("alice").empty());
}

TEST_CASE("a request that overtakes the end of the reply it goes on from is linked when that comes") {
  for (const bool stated : {true, false}) {
    SessionRun run;
    const SessionRun::Voice voice = stated ? alice : SessionRun::Voice{};
    auto slow = run.ask(question, voice);
    auto next = run.ask(question + Messages{bot("a"), user("x")}, voice);
    CHECK(next.linked.empty());
    CHECK(next.turn.session == slow.turn.session);
    const auto linked = run.answer(slow, bot("a"));
    REQUIRE(linked);
    CHECK(linked->id == slow.turn.id);
    CHECK(linked->next_state == Messages{user("x")});
    CHECK(run.store.open_turns() == 0);
  }
}

TEST_CASE("a retry that overtakes the call it repeats: the reply that is gone on from counts") {
  SessionRun run;
  auto first = run.ask(question, alice), retry = run.ask(question, alice);
  run.answer(retry, bot("from the retry"));
  run.answer(first, bot("too late"));
  CHECK(run.ask(question + Messages{bot("from the retry"), user("x")}, alice).answers() == 2);
  CHECK(run.store.end("alice") == std::vector<EndedTurn>{{{1}, true}});
}

TEST_CASE("half a reply is never gone on from") {
  SessionRun run;
  const auto cut = run.ask(question, alice);
  run.store.aborted(cut.turn.id);
  CHECK(run.ask(question + Messages{bot("half"), user("x")}, alice).linked.empty());
  const auto again = run.exchange(question, "whole", alice);
  CHECK(run.ask(question + Messages{bot("whole"), user("x")}, alice).answers() == again.turn.id.value);
}

TEST_CASE("after a compaction the kept tail links the last turn, repeated exchanges newest first") {
  SessionRun run;
  const Messages opening{system_prompt("rules"), user("task"), bot("started"), user("go on"), bot("ok")};
  run.exchange({system_prompt("rules"), user("task")}, "started", alice);
  run.exchange({system_prompt("rules"), user("task"), bot("started"), user("go on")}, "ok", alice);
  const auto last = run.exchange(opening + Messages{user("go on")}, "ok", alice);
  CHECK(last.answers() == 2);
  const Messages compacted{system_prompt("new rules"),
                           user("summary of it all"),
                           bot("I see."),
                           user("go on"),
                           bot("ok"),
                           user("go on"),
                           bot("ok"),
                           user("thanks")};
  const auto next = run.ask(compacted, alice);
  CHECK(next.answers() == last.turn.id.value);
  CHECK(next.turn.session == "alice");
  CHECK(next.turn.index == 3);
}

TEST_CASE("after a compaction that kept nothing the last turn stays open until its session ends") {
  SessionRun run;
  run.exchange(question, "a", alice);
  CHECK(run.ask({system_prompt("new"), user("summary"), user("next task")}, alice).linked.empty());
  CHECK(run.store.end("alice") == std::vector<EndedTurn>{{{1}, false}});
}

TEST_CASE("a compaction that kept the last reply without its question still links it") {
  SessionRun run;
  run.exchange({user("one")}, "Here is the first answer.", alice);
  run.exchange({user("one"), bot("Here is the first answer."), user("two")}, "Here is the second answer.", alice);
  CHECK(run.ask({user("summary"), bot("Here is the second answer."), user("three")}, alice).answers() == 2);
  SessionRun edited;  // nothing was cut here: the question is another one
  edited.exchange({user("one")}, "Here is the first answer.", alice);
  CHECK(edited.ask({user("uno"), bot("Here is the first answer."), user("two")}, alice).linked.empty());
}

TEST_CASE("examples in the prompt are no replies of this session") {
  SessionRun run;
  run.exchange({user("2+2?")}, "4", alice);
  CHECK(run.ask({user("2+2?"), bot("4"), user("3+3?")}, alice).answers() == 1);
  const Messages examples{user("What is 2+2?"), bot("4"), user("What is 3+3?"), bot("6")};
  run.exchange(examples + Messages{user("What is 2+2?")}, "4", alice);
  const auto next = run.ask(examples + Messages{user("What is 2+2?"), bot("4"), user("thanks")}, alice);
  REQUIRE(next.linked.size() == 1);
  CHECK(next.linked[0].next_state == Messages{user("thanks")});
}

TEST_CASE("replies with calls are known by their calls, whatever the client makes of the rest") {
  const ToolCall called{"k3Jd92Lqa", "f", R"({"a": 1.0, "b": [2]})"};
  const auto links = [&](const Message& sent_back) {
    SessionRun run;
    auto asked = run.ask(question, alice);
    asked.turn.reply = "<think>hm</think>\n\nI look.\n<tool_call>...</tool_call>";
    asked.turn.reply_message = {"assistant", "I look.", "hm", {called}, ""};
    run.store.answered(asked.turn, 0);
    const auto next = run.ask(question + Messages{sent_back, result(called.id, "sunny"), user("and?")}, alice);
    if (!next.linked.empty()) CHECK(next.linked[0].next_state.size() == 2);
    return !next.linked.empty();
  };
  CHECK(links({"assistant", "I look.", "", {called}, ""}));
  CHECK(links({"assistant", " I look.\n", "hm", {{"other", "f", R"({"b":[2],"a":1})"}}, ""}));
  CHECK(links({"assistant", "", "", {{"k3Jd92Lqa", "f", "changed"}}, ""}));  // the id is enough
  CHECK(links({"assistant", "", "", {{"k3_Jd92-Lqa", "f", "changed"}}, ""}));
  CHECK(links(bot("<think>hm</think>\n\nI look.\n<tool_call>...</tool_call>")));  // sent back as the model wrote it
  CHECK(links(bot("I look.\n<tool_call>...</tool_call>")));
  CHECK_FALSE(links({"assistant", "I look.", "", {}, ""}));
  CHECK_FALSE(links({"assistant", "I look.", "", {{"other", "f", R"({"a":2,"b":[2]})"}}, ""}));
  CHECK_FALSE(links({"assistant", "I look.", "", {{"other", "g", called.arguments}}, ""}));
  CHECK_FALSE(links({"assistant", "Other.", "", {{"other", "f", called.arguments}}, ""}));
}

TEST_CASE("thoughts count for nothing, sent back in whatever way") {
  for (const Message& sent_back : {Message{"assistant", "Yes.", "", {}, ""}, Message{"assistant", "Yes.", "hm", {}, ""},
                                   bot("<think>\nhm\n</think>\n\nYes.")}) {
    SessionRun run;
    auto asked = run.ask(question, alice);
    asked.turn.reply = "<think>\nhm\n</think>\n\nYes.";
    asked.turn.reply_message = {"assistant", "Yes.", "hm", {}, ""};
    run.store.answered(asked.turn, 0);
    CHECK(run.ask(question + Messages{bot("No."), user("x")}, alice).linked.empty());
    CHECK(run.ask(question + Messages{sent_back, user("x")}, alice).answers() == 1);
  }
}
