#include "samples/request_type.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("the kind of a request by its words") {
  const std::pair<const char*, const char*> cases[] = {
      {"code", "Why does this function not compile?\n```cpp\nint main() {\n```"},
      {"code", "Refactor the python script so that the API error is logged."},
      {"code", "git says there is a conflict, how do I fix my commit?"},
      {"math", "Mia Stone has 3 red apples and buys 4 more at the market. How many red apples does Mia have now?"},
      {"math", "Solve the equation 3x + 4 = 10."},
      {"math", "What is 12 percent of 50?"},
      {"writing", "Draft an email to my landlord about the heating, in a polite tone."},
      {"writing", "Summarise this paragraph for me please."},
      {"question", "Who was the first person on the moon?"},
      {"question", "how far is it to Lisbon"},
      {"chat", "Good morning! I slept well."},
      {"chat", ""},
      {"question", "How many languages do you speak?"},  // no number: nothing to calculate
  };
  for (const auto& [kind, text] : cases) {
    INFO(text);
    CHECK(request_kind(text) == kind);
  }
}

TEST_CASE("tools and tool results") {
  std::vector<Message> messages = {{"system", "Solve 3 + 4 in python code", "", {}, ""},
                                   {"user", "Hello!", "", {}, ""}};
  CHECK(request_type(messages, false) == "chat");  // a system prompt is not the user's words
  CHECK(request_type(messages, true) == "chat+tools");
  messages.push_back({"assistant", "", "", {}, ""});
  messages.push_back({"tool", "exit 1", "", {}, "c1"});
  CHECK(request_type(messages, true) == "step+tools");
  messages.push_back({"user", "Debug that script.", "", {}, ""});
  CHECK(request_type(messages, true) == "code+tools");
  CHECK(request_type({}, false) == "chat");
  Turn turn;
  turn.messages = messages;
  turn.tools = "[{}]";
  CHECK(request_type(turn) == "code+tools");
}

TEST_CASE("the step of an episode counts the replies since the user's words") {
  Turn turn;
  CHECK(episode_step(turn) == 0);
  turn.messages = {
      {"user", "Add 3 and 4.", "", {}, ""}, {"assistant", "7", "", {}, ""}, {"user", "Run it.", "", {}, ""}};
  CHECK(episode_step(turn) == 0);
  for (int step = 1; step <= 20; ++step) {
    turn.messages.push_back({"assistant", "", "", {}, ""});
    turn.messages.push_back({"tool", "exit 1", "", {}, "c1"});
    CHECK(episode_step(turn) == std::min(step, 15));
  }
  turn.messages.push_back({"user", "Stop.", "", {}, ""});
  CHECK(episode_step(turn) == 0);
}

TEST_CASE("what a client program adds to the user's words does not count") {
  const std::string carrier =
      "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nActive exec sessions: a script, a function, code\n"
      "<<<END_OPENCLAW_INTERNAL_CONTEXT>>>";
  CHECK(request_type({{"user", "How many apples are 3 plus 4?", "", {}, ""}, {"user", carrier, "", {}, ""}}, false) ==
        "math");
  CHECK(request_type({{"user", "Hello!\n" + carrier, "", {}, ""}}, false) == "chat");
}

TEST_CASE("a very long message costs a bounded look and may be any bytes") {
  CHECK(request_kind(std::string(1 << 22, 'a')) == "chat");
  CHECK(request_kind(std::string("\xff\xfe\0 what", 8)) == "chat");
  std::string late;
  for (int i = 0; i < 5000; ++i) late += "hello ";
  CHECK(request_kind(late + "code function bug") == "chat");
}
