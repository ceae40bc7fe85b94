// OpenClaw's texts and ids, and the signs of side calls.

#include "session/request_claim.hpp"

#include "session/client_text.hpp"
#include "session/session_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const std::string uuid = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
const std::string carrier =
    "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nActive exec sessions: none\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>";
const std::string runtime =
    "Runtime: agent=main | session=agent:main:main | sessionId=" + uuid + " | host=box | model=rl/qwen3-4b";

std::string stated(const Messages& messages, const std::string& id = "") {
  return stated_session({messages, "", id});
}

TurnType type(const Messages& messages, bool tools, const std::string& id = "") {
  RequestClaim claim{messages, "", id};
  claim.tools = tools;
  return turn_type_of(claim);
}

}  // namespace

TEST_CASE("of a user message the user's words are left") {
  CHECK(user_words("[Fri 2026-11-20 23:32 UTC] Hello there") == "Hello there");
  CHECK(user_words("[Fri 2026-11-20 23:32] Hello") == "Hello");
  CHECK(user_words("[Fri 2026-11-20 23:32 GMT+2] Hello\n\n" + runtime) == "Hello");
  CHECK(user_words("  Hello  ") == "Hello");
  CHECK(user_words(carrier) == "");
  CHECK(user_words("Hello\n" + carrier + "\n" + carrier) == "Hello");
  const std::string queued =
      "[Queued user message from a previous active turn; preserved as context only. Continue with the active prompt "
      "below.]\n";
  CHECK(user_words(queued + "Hello\n\nContinue the current task from where it stopped.") == "Hello");
  CHECK(user_words(queued + "[Fri 2026-11-20 23:32 UTC] Hello\n\nContinue the current task now.") == "Hello");
  CHECK(user_words("[Fri 2026-11-20 23:32 UTC] " + queued + queued +
                   "Hello\n\nContinue the current task.\n\nContinue the current task.") == "Hello");
  CHECK(user_words(queued + "Hello\n\nand this") == "Hello\n\nand this");
  CHECK(lasting_words(queued + "Hello\n\nand this") == "and this");
  CHECK(lasting_words(queued + "Hello\n\nContinue the current task.") == "Hello");
  CHECK(lasting_words("Hello\n\nand this") == "Hello\n\nand this");
  CHECK(user_words("The previous attempt did not produce a user-visible answer. Continue.") == "");
  CHECK(user_words("The previous assistant turn recorded reasoning but did not produce a user-visible answer.") == "");
}

TEST_CASE("what only looks like a client's text is the user's") {
  for (const char* text : {"[Fri] 2026", "[Fri 2026-11-20] x", "[2026-11-20 23:32] x", "[see 1234-56-78 90:12", "[",
                           "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>> what is this?", "Runtime: agent=x",
                           "The previous attempt failed.", "[Queued user message from a previous active turn"})
    CHECK(user_words(text) == text);
  CHECK(is_client_text(user(carrier)));
  CHECK_FALSE(is_client_text(user("")));
  CHECK_FALSE(is_client_text(result("id", carrier)));
  CHECK_FALSE(is_client_text(user("x" + carrier)));
}

TEST_CASE("the Runtime line is read where the client writes it") {
  CHECK(runtime_line({user("do it\n\n" + runtime)}).session_id == uuid);
  CHECK(runtime_line({user("do it\n\n" + runtime)}).session == "agent:main:main");
  CHECK(runtime_line({system_prompt("You are\n" + runtime + "\nmore"), user("do it")}).session_id == uuid);
  CHECK(runtime_line({user("hi"), bot("x"), user("see " + runtime)}).session_id == "");
  CHECK(runtime_line({user("hi"), bot("x"), user(runtime)}).session_id == "");
  CHECK(runtime_line({user("I found this: " + runtime)}).session_id == "");
  CHECK(runtime_line({user("Runtime: agent=main | host=box")}).session == "");
}

TEST_CASE("what is stated goes before the Runtime line, its session id before its session") {
  CHECK(stated({user("hi\n" + runtime)}) == uuid);
  CHECK(stated({user("hi\nRuntime: agent=main | session=agent:main:explicit:s1 | host=box")}) ==
        "agent:main:explicit:s1");
  CHECK(stated({user("hi\n" + runtime)}, "mine") == "mine");
  CHECK(stated({user("hi")}) == "");
}

TEST_CASE("OpenClaw's count of compactions is no part of its id; colons of others are") {
  CHECK(stated({user("hi")}, uuid + ":0") == uuid);
  CHECK(stated({user("hi")}, uuid + ":12") == uuid);
  CHECK(stated({user("hi\n" + runtime)}, "s1:3") == "s1");
  CHECK(stated({user("hi"), user(carrier)}, "s1:3") == "s1");
  CHECK(stated({user("hi")}, "chat:1") == "chat:1");
  CHECK(stated({user("hi")}, uuid + ":x") == uuid + ":x");
  CHECK(stated({user("hi")}, uuid + ":") == uuid + ":");
  CHECK(stated({user("hi\n" + runtime)}, ":3") == ":3");
}

TEST_CASE("a change of the count is a new prefix of the same session") {
  SessionRun run;
  const auto voice = [](const std::string& n) { return SessionRun::Voice{"k", uuid + ":" + n, "", "", ""}; };
  const auto before = run.exchange({user("hi")}, "Hello!", voice("0"));
  const auto after = run.ask({user("summary"), user("hi"), bot("Hello!"), user("go on")}, voice("1"));
  CHECK(before.turn.session == "k:" + uuid);
  CHECK(after.turn.session == before.turn.session);
  CHECK(after.turn.index == 1);
}

TEST_CASE("carriers come and go without a trace, and next states are the user's words") {
  SessionRun run;
  const SessionRun::Voice none;
  const Messages first{system_prompt("sys"), user("[Fri 2026-11-20 23:32 UTC] list it\n\n" + runtime)};
  auto asked = run.ask(first + Messages{user(carrier)}, none);
  CHECK(asked.turn.session == uuid);
  const ToolCall call{"callA1b2", "exec", R"({"command": "ls"})"};
  run.answer(asked, calling({call}));
  const Messages second =
      first + Messages{calling({{"callA1b2", "exec", R"({"command":"ls"})"}}), result("callA1b2", "a b c")};
  auto next = run.ask(second + Messages{user(carrier)}, none);
  REQUIRE(next.answers() == 1);
  CHECK(next.linked[0].next_state == Messages{result("callA1b2", "a b c")});
  run.answer(next, bot("There are three."));
  const Messages third = second + Messages{bot("There are three."), user("[Fri 2026-11-20 23:33 UTC] sort them")};
  const auto last = run.ask(third + Messages{user(carrier)}, none);
  REQUIRE(last.answers() == 2);
  CHECK(last.linked[0].next_state == Messages{user("sort them")});
}

TEST_CASE("a user text sent again in a wrapper is the same question") {
  SessionRun run;
  const SessionRun::Voice voice{"", "s", "", "", ""};
  const Messages first{user("[Fri 2026-11-20 23:32 UTC] do it")};
  run.store.aborted(run.ask(first, voice).turn.id);
  const std::string wrapped =
      "[Queued user message from a previous active turn; preserved as context only. Continue with the active prompt "
      "below.]\n[Fri 2026-11-20 23:32 UTC] do it\n\nContinue the current task from the messages above.";
  run.exchange({user(wrapped)}, "one", voice);
  run.exchange(first, "two", voice);
  CHECK(run.ask(first + Messages{bot("two"), user("x")}, voice).answers() == 3);
  CHECK(run.store.end("s") == std::vector<EndedTurn>{{{2}, true}});
}

TEST_CASE("a reply that was asked for once more is not answered by the client's own words") {
  SessionRun run;
  const SessionRun::Voice voice{"", "s", "", "", ""};
  run.exchange({user("do it")}, "", voice);
  const auto retry = run.ask({user("do it"), bot(""),
                              user("The previous assistant turn recorded reasoning but did not produce a user-visible "
                                   "answer. Continue.")},
                             voice);
  CHECK(retry.linked.empty());
}

TEST_CASE("side calls are known by their signs") {
  const Messages plain{user("hi")};
  CHECK(type(plain, true) == TurnType::main);
  CHECK(type(plain, false) == TurnType::main);  // a plain chat client
  CHECK(type({system_prompt("You are helpful."), user("hi")}, false) == TurnType::main);
  CHECK(type({system_prompt("You are a context summarization assistant. ..."), user("<conversation>x")}, false) ==
        TurnType::side);
  CHECK(type({system_prompt("Write an Activity recap of ..."), user("x")}, false) == TurnType::side);
  CHECK(type({system_prompt("s"), user("Reply with OK. Do not use tools.")}, false) == TurnType::side);
  CHECK(type({user("### Task:\nGenerate a title.\n<chat_history>\nhi\n</chat_history>")}, false) == TurnType::side);
  const Messages history{user("hi\n" + runtime), bot("Hello!")};
  CHECK(type(history + Messages{user("Pre-compaction memory flush. Store ..."), user(carrier)}, true) ==
        TurnType::side);
  CHECK(type(history + Messages{user("[Fri 2026-11-20 23:32 UTC] Follow the heartbeat monitor scratch context")},
             true) == TurnType::side);
  CHECK(type({user("Read HEARTBEAT.md if it exists. If nothing needs attention, reply HEARTBEAT_OK.")}, true) ==
        TurnType::side);
  CHECK(type({user("Read HEARTBEAT.md if it exists."), calling({{"a", "read", "{}"}}), result("a", "x")}, true) ==
        TurnType::side);
  CHECK(type({user("Read HEARTBEAT.md if it exists."), bot("HEARTBEAT_OK"), user("hi")}, true) == TurnType::main);
  CHECK(type({user("x\nRuntime: agent=main | session=agent:main:cron:7 | sessionId=1")}, true) == TurnType::side);
  CHECK(type({user("x\nRuntime: agent=main | session=agent:main:internal-session-effects:1-2 | sessionId=1")}, true) ==
        TurnType::side);
  CHECK(type(history + Messages{user("go on")}, true) == TurnType::main);
  CHECK(type(history + Messages{user("go on")}, false) == TurnType::side);  // OpenClaw's own calls have no tools
  CHECK(type({system_prompt("You are a personal assistant running inside OpenClaw."), user("title?")}, false) ==
        TurnType::side);
}

TEST_CASE("what the client says of the turn's type goes before every sign") {
  const Messages summary{system_prompt("You are a context summarization assistant"), user("x")}, plain{user("hi")};
  RequestClaim claim{summary, "", ""};
  claim.turn_type = TurnType::main;
  CHECK(turn_type_of(claim) == TurnType::main);
  RequestClaim side{plain, "", ""};
  side.tools = true;
  side.turn_type = TurnType::side;
  CHECK(turn_type_of(side) == TurnType::side);
}

TEST_CASE("sub-agents have sessions of their own") {
  SessionRun run;
  const auto text = [](const std::string& key, const std::string& id) {
    return user("do it\nRuntime: agent=main | session=agent:main:" + key + " | sessionId=" + id + " | host=box");
  };
  run.exchange({text("main", "one")}, "Done.");
  const auto sub = run.exchange({text("subagent:abc", "two")}, "Done.");
  CHECK(sub.turn.session == "two");
  CHECK(run.ask({text("subagent:abc", "two"), bot("Done."), user("x")}).answers() == 2);
  CHECK(run.ask({text("main", "one"), bot("Done."), user("y")}).answers() == 1);
}
