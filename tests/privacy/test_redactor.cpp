// Messages and turns, categories, ids, and texts that are made to take long.

#include "config/parse.hpp"
#include "core/error.hpp"
#include "privacy/redaction_cases.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("every text of a message is redacted, its structure stays") {
  const Redactor redactor;
  Message message{"assistant", "ask mia@stone.org", "she is at +49 170 1234567", {}, "call_1"};
  message.tool_calls = {{"call_1", "send", "{\"to\":\"mia@stone.org\",\"n\":1}"}};
  CHECK(redactor.redact(message) == 3);
  CHECK(message.text == "ask [redacted:email]");
  CHECK(message.reasoning == "she is at [redacted:phone]");
  CHECK(message.tool_calls[0] == ToolCall{"call_1", "send", "{\"to\":\"[redacted:email]\",\"n\":1}"});
  CHECK(message.role == "assistant");
  CHECK(message.tool_call_id == "call_1");
}

TEST_CASE("a turn with a hit anywhere loses its ids and log-probs; without one it stays as it is") {
  const Redactor redactor;
  Turn turn;
  turn.messages = {{"user", "Hi", "", {}, ""}};
  turn.prompt = {1, 2, 3};
  turn.completion.ids = {4, 5};
  turn.completion.logprobs = turn.completion.logprobs_t1 = {-1, -2};
  turn.completion.topk_ids = {4, 5};
  turn.completion.topk_logprobs = {-1, -2};
  turn.completion.versions = {7, 7};
  turn.completion.finish = FinishReason::length;
  turn.reply = "Hello.";
  CHECK(redactor.redact(turn) == 0);
  CHECK(turn.prompt.size() == 3);
  CHECK(turn.completion.ids.size() == 2);
  turn.reply = "Hello, mia@stone.org.";
  CHECK(redactor.redact(turn) == 1);
  CHECK(turn.prompt.empty());
  CHECK(turn.completion.ids.empty());
  CHECK(turn.completion.logprobs.empty());
  CHECK(turn.completion.logprobs_t1.empty());
  CHECK(turn.completion.topk_ids.empty());
  CHECK(turn.completion.topk_logprobs.empty());
  CHECK(turn.completion.versions.empty());
  CHECK(turn.completion.finish == FinishReason::length);
}

TEST_CASE("categories are chosen by name") {
  RedactionSettings settings;
  settings.categories = {"email"};
  CHECK(redacted(Redactor(settings), "mia@stone.org, +49 170 1234567") == "[redacted:email], +49 170 1234567");
  settings.categories = {"none"};
  CHECK(redacted(Redactor(settings), "mia@stone.org") == "mia@stone.org");
  settings.categories = {"e-mail"};
  CHECK_THROWS_WITH(Redactor(settings), Catch::Contains("'e-mail'"));
}

TEST_CASE("the settings know the same categories, and the same are on") {
  RunConfig config;
  CHECK(config.privacy.redact == default_redaction());
  SettingList list = describe(config, {});
  Setting* redact = list.find("privacy.redact");
  REQUIRE(redact != nullptr);
  for (const std::string& category : redaction_categories()) CHECK_NOTHROW(redact->set(category));
  CHECK_THROWS_AS(redact->set("iban,nothing"), UserError);
  redact->set("none,email");
  CHECK_THROWS_WITH(check(config), Catch::Contains("privacy.redact"));
}

TEST_CASE("ids that clients choose stay apart and tell nothing") {
  const Redactor redactor;
  CHECK(redactor.identifier("user-17") == "user-17");
  CHECK(redactor.identifier("") == "");
  const std::string mia = redactor.identifier("mia@stone.org"), tom = redactor.identifier("tom@stone.org");
  CHECK(mia.starts_with("email-"));
  CHECK(mia != tom);
  CHECK(mia == redactor.identifier("mia@stone.org"));
  CHECK(mia == redactor.identifier(mia));
}

TEST_CASE("a text made to be slow is searched and kept whole") {
  const Redactor redactor;
  const char* const pieces[] = {"a",    "1",         "a.",      "-----BEGIN PRIVATE KEY-----",
                                "@",    "a@",        "4111",    "eyJaaaaa",
                                "+49",  "password=", "x://",    "key: \"",
                                "1 ",   "DE89 ",     "bearer ", "\xC3\xA9",
                                "sk-a", "\\\\\""};
  for (const std::string piece : pieces) {
    INFO(piece);
    std::string text;
    while (text.size() < 300'000) text += piece;
    text += "; mia@stone.org";
    std::string made = text;
    redactor.redact(made);
    CHECK(made.ends_with("; [redacted:email]"));
  }
}

TEST_CASE("a hit that lay hidden behind another is found too") {  // by the fuzzer
  const Redactor redactor;
  std::string text = "phone 004405320+49 170  170 1234567 IBAN DE893937040044053201013000 card 4111 1111 1110 1111";
  CHECK(redactor.redact(text) > 1);
  const std::string once = text;
  CHECK(redactor.redact(text) == 0);
  CHECK(text == once);
}
