// Which conversation a request belongs to when it does not say so, or says so in ways that not every client means.

#include "session/session_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Voice = SessionRun::Voice;

namespace {

Voice key(const std::string& id) {
  return {id, "", "", "", ""};
}

}  // namespace

TEST_CASE("without any id a request belongs to the longest conversation that it goes on from") {
  SessionRun run;
  const auto a = run.exchange({user("hi")}, "Hello, who is there?");
  const auto b = run.exchange({user("hi")}, "Good morning!");
  CHECK(a.turn.session == "request-1");
  CHECK(b.turn.session == "request-2");
  const Messages second{user("hi"), bot("Good morning!"), user("any news?")};
  const auto c = run.exchange(second, "None.");
  CHECK(c.answers() == 2);
  CHECK(c.turn.session == "request-2");
  CHECK(c.turn.index == 1);
  const auto d = run.exchange(second + Messages{bot("None."), user("good")}, "Yes.");
  CHECK(d.answers() == 3);
  CHECK(d.turn.session == "request-2");
  CHECK(d.turn.index == 2);
  CHECK(run.ask({user("hi"), bot("Hello, who is there?"), user("me")}).answers() == 1);
  CHECK(run.ask({user("hi"), bot("Hello, who is there?"), user("me")}, key("other")).linked.empty());
}

TEST_CASE("without any id a later turn asked again is of the same session, and superseded") {
  SessionRun run;
  run.exchange({user("hi")}, "Hello!");
  const Messages second{user("hi"), bot("Hello!"), user("any news?")};
  run.exchange(second, "None.");
  const auto again = run.exchange(second, "Some.");
  CHECK(again.turn.session == "request-1");
  CHECK(again.linked.empty());
  CHECK(run.ask(second + Messages{bot("Some."), user("which?")}).answers() == 3);
  CHECK(run.store.end("request-1") == std::vector<EndedTurn>{{{2}, true}});
}

TEST_CASE("without any id the system prompt tells conversations apart, and may change on the way") {
  SessionRun run;
  const auto a = run.exchange({system_prompt("for Ann"), user("hi")}, "Hello!");
  const auto b = run.exchange({system_prompt("for Bob"), user("hi")}, "Hello!");
  CHECK(run.exchange({system_prompt("for Ann"), user("hi"), bot("Hello!"), user("x")}, "y").answers() == 1);
  CHECK(run.exchange({system_prompt("for Bob"), user("hi"), bot("Hello!"), user("x")}, "z").answers() == 2);
  const auto c =
      run.ask({system_prompt("for Ann, Tuesday"), user("hi"), bot("Hello!"), user("x"), bot("y"), user("go on")});
  CHECK(c.answers() == 3);
  CHECK(c.turn.session == a.turn.session);
}

TEST_CASE("without any id calls that come back tell the conversation, also when its history was cut") {
  SessionRun run;
  const ToolCall call{"abc123", "f", "{}"};
  auto asked = run.ask({user("long ago"), bot("yes"), user("do it")});
  run.answer(asked, calling({call}));
  const auto next = run.ask({user("do it"), calling({call}), result("abc123", "done")});
  CHECK(next.answers() == 1);
  CHECK(next.turn.session == asked.turn.session);

  auto talk = run.exchange({user("a"), bot("b"), user("a rare question")}, "a rare answer");
  const auto cut = run.ask({user("a rare question"), bot("a rare answer"), user("thanks")});
  CHECK(cut.answers() == talk.turn.id.value);
  CHECK(cut.turn.session == talk.turn.session);
}

TEST_CASE("an id per request is no session") {
  SessionRun run;
  const auto voice = [](const std::string& id) { return Voice{"", "", id, "", ""}; };
  const auto a = run.exchange({user("hi")}, "Hello!", voice("r-1"));
  CHECK(a.turn.session == "r-1");
  const auto b = run.exchange({user("hi"), bot("Hello!"), user("x")}, "y", voice("r-2"));
  CHECK(b.answers() == 1);
  CHECK(b.turn.session == "r-1");
  const auto c = run.ask({user("hi"), bot("Hello!"), user("x"), bot("y"), user("z")}, voice("r-3"));
  CHECK(c.answers() == 2);
  CHECK(c.turn.session == "r-1");
}

TEST_CASE("a cache key that is the conversation's names it, repetitions of its first question too") {
  SessionRun run;
  const Voice voice{"", "", "", "conv-7", ""};
  const auto a = run.exchange({user("hi")}, "Hello!", voice);
  const auto again = run.exchange({user("hi")}, "Good day!", voice);
  CHECK(a.turn.session == "conv-7");
  CHECK(again.turn.session == "conv-7");
  const auto b = run.ask({user("hi"), bot("Good day!"), user("x")}, voice);
  CHECK(b.answers() == 2);
  CHECK(b.turn.session == "conv-7");
  CHECK(run.store.end("conv-7") == std::vector<EndedTurn>{{{1}, true}});
}

TEST_CASE("a cache key that many conversations share separates none and joins none") {
  SessionRun run;
  const Voice voice{"", "", "", "my-app", ""};
  const auto a = run.exchange({user("hi")}, "Hello!", voice);
  const auto b = run.exchange({user("bye")}, "Bye!", voice);
  CHECK(a.turn.session == "my-app");
  CHECK(b.turn.session == "request-2");
  CHECK(run.exchange({user("hi")}, "Hi!", voice).turn.session == "request-3");
  CHECK(run.ask({user("bye"), bot("Bye!"), user("wait")}, voice).turn.session == "request-2");
  CHECK(run.ask({user("hi"), bot("Hello!"), user("x")}, voice).turn.session == "my-app");
}

TEST_CASE("a user has many conversations; of equal ones it tells whose goes on") {
  SessionRun run;
  const Voice ann{"", "", "", "", "ann"}, bob{"", "", "", "", "bob"};
  run.exchange({user("hi")}, "Hello!", ann);
  run.exchange({user("hi")}, "Hello!", bob);
  run.exchange({user("weather?")}, "Sunny.", ann);
  const auto a = run.ask({user("hi"), bot("Hello!"), user("x")}, ann);
  CHECK(a.answers() == 1);
  CHECK(a.turn.session == "request-1");
  CHECK(run.ask({user("hi"), bot("Hello!"), user("x")}, bob).answers() == 2);
  CHECK(run.ask({user("weather?"), bot("Sunny."), user("warm?")}, ann).turn.session == "request-3");
}

TEST_CASE("a call that failed and is made again does not take another conversation's turn") {
  SessionRun run;
  run.exchange({user("hi")}, "Hello!");
  run.exchange({user("hi")}, "Hello!");
  const Messages next{user("hi"), bot("Hello!"), user("x")};
  const auto first = run.ask(next);
  REQUIRE(first.linked.size() == 1);
  run.store.aborted(first.turn.id);
  const auto retry = run.ask(next);
  CHECK(retry.linked.empty());
  CHECK(retry.turn.session == first.turn.session);
  CHECK(run.store.open_turns() == 1);
}
