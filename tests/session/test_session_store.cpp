#include "session/session_store.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

Message say(const char* role, const char* text) {
  Message m;
  m.role = role;
  m.text = text;
  return m;
}

Turn turn(std::int64_t id, const char* session, std::vector<Message> messages, const char* reply) {
  Turn t;
  t.id = {id};
  t.session = session;
  t.messages = std::move(messages);
  t.reply = reply;
  return t;
}

}  // namespace

TEST_CASE("the next message of a session answers the turn before it") {
  SessionStore store(10);
  store.answered(turn(1, "s", {say("user", "q")}, "a"), 0);
  const auto linked = store.link("s", {say("user", "q"), say("assistant", " a\n"), say("user", "thanks")}, 1);
  REQUIRE(linked.size() == 1);
  CHECK(linked[0].id == TurnId{1});
  REQUIRE(linked[0].next_state.size() == 1);
  CHECK(linked[0].next_state[0].text == "thanks");
  CHECK(store.open_turns() == 0);
}

TEST_CASE("a turn is linked once, and only by its own session") {
  SessionStore store(10);
  store.answered(turn(1, "s", {say("user", "q")}, "a"), 0);
  const std::vector<Message> request{say("user", "q"), say("assistant", "a"), say("user", "x")};
  CHECK(store.link("other", request, 1).empty());
  CHECK(store.link("s", request, 1).size() == 1);
  CHECK(store.link("s", request, 1).empty());
}

TEST_CASE("of two replies to one question the one that lives on is linked") {
  SessionStore store(10);
  store.answered(turn(1, "s", {say("user", "q")}, "first"), 0);
  store.answered(turn(2, "s", {say("user", "q")}, "second"), 0);
  const auto linked = store.link("s", {say("user", "q"), say("assistant", "second"), say("user", "ok")}, 1);
  REQUIRE(linked.size() == 1);
  CHECK(linked[0].id == TurnId{2});
  CHECK(store.open_turns() == 1);
  CHECK(store.expire(20) == std::vector<TurnId>{TurnId{1}});
}

TEST_CASE("several tool results are one next state; it ends at the next assistant message") {
  SessionStore store(10);
  store.answered(turn(1, "s", {say("user", "q")}, "call"), 0);
  const auto linked = store.link("s",
                                 {say("user", "q"), say("assistant", "call"), say("tool", "r1"), say("tool", "r2"),
                                  say("assistant", "later"), say("user", "end")},
                                 1);
  REQUIRE(linked.size() == 1);
  CHECK(linked[0].next_state.size() == 2);
}

TEST_CASE("an edited question or reply is no continuation") {
  SessionStore store(10);
  store.answered(turn(1, "s", {say("user", "q")}, "a"), 0);
  CHECK(store.link("s", {say("user", "edited"), say("assistant", "a"), say("user", "x")}, 1).empty());
  CHECK(store.link("s", {say("user", "q"), say("assistant", "b"), say("user", "x")}, 1).empty());
  CHECK(store.link("s", {say("user", "q"), say("assistant", "a")}, 1).empty());
  CHECK(store.open_turns() == 1);
}

TEST_CASE("sessions end by idleness or on request, with their open turns; indices go on") {
  SessionStore store(10);
  CHECK(store.next_index("s", 0) == 0);
  CHECK(store.next_index("s", 0) == 1);
  store.answered(turn(3, "s", {say("user", "q")}, "a"), 1);
  store.answered(turn(4, "t", {say("user", "q")}, "a"), 8);
  CHECK(store.expire(10.5).empty());
  CHECK(store.expire(11) == std::vector<TurnId>{TurnId{3}});
  CHECK(store.end("t") == std::vector<TurnId>{TurnId{4}});
  CHECK(store.end("t").empty());
  CHECK(store.sessions() == 0);
}

TEST_CASE("open turns are bounded: the session that was quiet longest ends first") {
  SessionStore store(1000, 2);
  store.answered(turn(1, "a", {say("user", "q")}, "r"), 1);
  store.answered(turn(2, "b", {say("user", "q")}, "r"), 2);
  CHECK(store.expire(3).empty());
  store.answered(turn(3, "c", {say("user", "q")}, "r"), 3);
  CHECK(store.expire(4) == std::vector<TurnId>{TurnId{1}});
}

TEST_CASE("replies with calls are known by their calls, whatever the client makes of the rest") {
  const ToolCall called{"k3Jd92Lqa", "f", R"({"a": 1, "b": [2]})"};
  Turn t = turn(1, "s", {say("user", "q")}, "<think>hm</think>\n\nI look.\n<tool_call>...</tool_call>");
  t.reply_message = {"assistant", "I look.", "hm", {called}, ""};
  const auto links = [&](const Message& sent_back) {
    SessionStore store(10);
    store.answered(t, 0);
    Message result = say("tool", "sunny");
    result.tool_call_id = called.id;
    const auto linked = store.link("s", {say("user", "q"), sent_back, result, say("user", "and?")}, 1);
    if (!linked.empty()) CHECK(linked[0].next_state.size() == 2);
    return !linked.empty();
  };
  CHECK(links({"assistant", "I look.", "", {called}, ""}));
  CHECK(links({"assistant", " I look.\n", "hm", {{"other", "f", R"({"b":[2],"a":1})"}}, ""}));
  CHECK(links({"assistant", "", "", {{"k3Jd92Lqa", "f", "changed"}}, ""}));  // the id is enough
  CHECK(links(say("assistant", t.reply.c_str())));                           // sent back as the model wrote it
  CHECK_FALSE(links({"assistant", "I look.", "", {}, ""}));
  CHECK_FALSE(links({"assistant", "I look.", "", {{"other", "f", R"({"a":2,"b":[2]})"}}, ""}));
  CHECK_FALSE(links({"assistant", "I look.", "", {{"other", "g", called.arguments}}, ""}));
  CHECK_FALSE(links({"assistant", "I look.", "", {{"x", "f", called.arguments}, called}, ""}));
  CHECK_FALSE(links({"assistant", "Other.", "", {{"other", "f", called.arguments}}, ""}));
}

TEST_CASE("a reply with thoughts is known by its answer") {
  Turn t = turn(1, "s", {say("user", "q")}, "<think>\nhm\n</think>\n\nYes.");
  t.reply_message = {"assistant", "Yes.", "hm", {}, ""};
  SessionStore store(10);
  store.answered(t, 0);
  CHECK(store.link("s", {say("user", "q"), say("assistant", "No."), say("user", "x")}, 1).empty());
  CHECK(store.link("s", {say("user", "q"), say("assistant", "Yes."), say("user", "x")}, 1).size() == 1);
}
