// The file of cases: what is read, what is refused by line and field, and which cases are drawn.

#include "audit/held_out.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

const std::string good =
    R"({"id":"a","set":"accuracy","messages":[{"role":"user","content":"2 and 3?"}],"must":["\\b5\\b"]})";

const std::string judged =
    R"({"id":"d","set":"judge","task":"2 and 3?","reply":"6","next":"That is wrong.","verdict":-1})";

const std::string answered =
    R"({"id":"f","set":"hint_loss","messages":[{"role":"user","content":"2 and 3? In bold."}],"answer":"**5**"})";

std::string written(const std::string& text) {
  const std::string path = "held_out_test.jsonl";
  std::ofstream(path) << text;
  return path;
}

std::string refusal(const std::string& text) {
  try {
    read_held_out(written(text));
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

void refused(const std::string& text, const std::vector<std::string>& said) {
  const std::string why = refusal(text);
  INFO(text << "\n" << why);
  for (const std::string& part : said) CHECK(why.find(part) != std::string::npos);
}

/// A good case with one field replaced.
std::string with(const std::string& from, const std::string& to, std::string text = good) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::vector<HeldOutCase> many(int count) {
  std::vector<HeldOutCase> cases;
  for (int i = 0; i < count; ++i) {
    HeldOutCase one;
    one.id = "case" + std::to_string(i);
    one.set = i % 3 == 0 ? "few" : "many";
    cases.push_back(one);
  }
  return cases;
}

std::vector<std::string> ids(const std::vector<HeldOutCase>& cases) {
  std::vector<std::string> found;
  for (const HeldOutCase& one : cases) found.push_back(one.id);
  return found;
}

}  // namespace

TEST_CASE("cases are read with every field, and written again as they were") {
  const auto cases = read_held_out(written(
      good + "\n\n" +
      R"({"id":"b","set":"hints","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Q"}],)"
      R"("must_not":["x"],"min_words":2,"max_words":9})" +
      "\r\n" + R"({"id":"c","set":"language","text":"Once upon a time.","max_rise":0.25})" + "\n" + judged + "\n" +
      R"({"id":"e","set":"judge","task":"Run it.","reply":"Done.","next":"exit 0","next_role":"tool","verdict":1})"));
  REQUIRE(cases.size() == 5);
  CHECK(cases[3].kind() == HeldOutKind::verdict);
  CHECK(cases[3].judged->task == "2 and 3?");
  CHECK(cases[3].judged->reply == "6");
  CHECK(cases[3].judged->next_state == "That is wrong.");
  CHECK(cases[3].judged->next_role == "user");
  CHECK(cases[3].verdict == -1);
  CHECK(cases[4].judged->next_role == "tool");
  CHECK(cases[4].verdict == 1);
  CHECK(cases[2].kind() == HeldOutKind::loss);
  CHECK(cases[2].text == "Once upon a time.");
  CHECK(cases[2].max_rise == 0.25);
  CHECK(cases[0].kind() == HeldOutKind::reply);
  CHECK(cases[0].id == "a");
  CHECK(cases[0].set == "accuracy");
  CHECK(cases[0].messages[0].text == "2 and 3?");
  CHECK(cases[0].must == std::vector<std::string>{"\\b5\\b"});
  CHECK(cases[1].messages.size() == 2);
  CHECK(cases[1].must_not == std::vector<std::string>{"x"});
  CHECK(cases[1].min_words == 2);
  CHECK(cases[1].max_words == 9);
  write_held_out("held_out_again.jsonl", cases);
  const auto again = read_held_out("held_out_again.jsonl");
  CHECK(ids(again) == ids(cases));
  CHECK(again[1].messages == cases[1].messages);
  CHECK(again[0].must == cases[0].must);
  CHECK(again[1].max_words == 9);
  CHECK(again[2].text == cases[2].text);
  CHECK(again[2].max_rise == 0.25);
  CHECK(again[3].judged->next_state == cases[3].judged->next_state);
  CHECK(again[3].judged->next_role == "user");
  CHECK(again[3].verdict == -1);
  CHECK(again[4].judged->next_role == "tool");
}

TEST_CASE("an answer is scored in the place of a reply or a vote, and written again as it was") {
  const std::string vote =
      R"({"id":"g","set":"judge_loss","task":"2 and 3?","reply":"6","next":"No.","answer":"\\boxed{-1}","max_rise":1})";
  for (const auto& cases : {read_held_out(written(answered + "\n" + vote)), [] {
                              write_held_out("held_out_answers.jsonl", read_held_out("held_out_test.jsonl"));
                              return read_held_out("held_out_answers.jsonl");
                            }()}) {
    REQUIRE(cases.size() == 2);
    for (const HeldOutCase& one : cases) CHECK(one.kind() == HeldOutKind::loss);
    CHECK(cases[0].messages.size() == 1);
    CHECK(cases[0].answer == "**5**");
    CHECK(cases[0].max_rise == 0.1);
    CHECK(cases[1].judged->reply == "6");
    CHECK(cases[1].answer == "\\boxed{-1}");
    CHECK(cases[1].max_rise == 1);
  }
  refused(with("\"**5**\"", "\"\"", answered), {":1", "answer must be a text"});
  refused(with("\"answer\"", "\"must\":[\"5\"],\"answer\"", answered), {"'must'", "answer, max_rise instead of rules"});
  refused(with("\"answer\"", "\"verdict\":1,\"answer\"", vote), {"'verdict'", "instead of rules or verdict"});
  refused(with("\"max_rise\":1", "\"max_rise\":\"1\"", vote), {"max_rise", "nats"});
  refused(with("\"answer\"", "\"watched\":1,\"answer\"", answered), {"watched must be true or false"});
  refused(answered + "\n" + with("\"f\"", "\"g\",\"watched\":true", answered),
          {":2", "'hint_loss'", "watched in some"});
  refused(good + "\n" + with("hint_loss", "accuracy", answered), {":2", "'accuracy'", "sets of their own"});
}

TEST_CASE("what is wrong is named with the line and the field") {
  CHECK(refusal(good) == "");
  refused(good + "\nnonsense", {"held_out_test.jsonl:2", "no JSON object"});
  refused("[1]", {":1", "no JSON object"});
  refused(with("\"must\"", "\"musts\""), {"musts", "must_not"});
  refused(with("\"a\"", "7"), {":1", "id"});
  refused(with("\"a\"", "\"\""), {"id"});
  refused(with("accuracy", "Big Set"), {"set", "Big Set", "a-z"});
  refused(with("\"user\"", "\"robot\""), {"role", "robot", "user"});
  refused(with("\"user\"", "\"assistant\""), {"messages", "user"});
  refused(with("\"2 and 3?\"", "[]"), {"content"});
  refused(with(R"([{"role":"user","content":"2 and 3?"}])", "[]"), {"messages"});
  refused(with(R"(["\\b5\\b"])", R"("5")"), {"must", "array"});
  refused(with(R"(["\\b5\\b"])", R"(["(5"])"), {":1", "must", "regex"});
  refused(with(R"("must":["\\b5\\b"])", R"("min_words":-1)"), {"min_words"});
  refused(with(R"("must":["\\b5\\b"])", R"("min_words":9,"max_words":2)"), {"min_words", "max_words"});
  refused(with(R"(,"must":["\\b5\\b"])", ""), {"every reply would pass"});
  refused(good + "\n" + good, {":2", "'a'", "line 1"});
  const std::string text = R"({"id":"t","set":"language","text":"Once."})";
  CHECK(refusal(text) == "");
  refused(with("\"must\"", "\"text\""), {"'messages'", "max_rise"});
  refused(R"({"id":"t","set":"language","text":""})", {"text"});
  refused(R"({"id":"t","set":"language","text":"Once.","max_rise":-1})", {"max_rise", "nats"});
  refused(good + "\n" + R"({"id":"t","set":"accuracy","text":"Once."})", {":2", "'accuracy'", "sets of their own"});
  CHECK(refusal(judged) == "");
  for (const char* verdict : {"2", "-2", "0.5", "true", "\"1\"", "null", "18446744073709551615"})
    refused(with("-1", verdict, judged), {":1", "verdict must be -1, 0 or 1"});
  refused(with(",\"verdict\":-1", "", judged), {"verdict must be -1, 0 or 1"});
  refused(with("\"6\"", "\"\"", judged), {"reply"});
  refused(with("\"next\"", "\"then\"", judged), {"'then'", "next_role, verdict"});
  refused(with("\"verdict\"", "\"next_role\":\"robot\",\"verdict\"", judged), {"next_role", "robot", "user or tool"});
  refused(with("\"task\"", "\"text\"", judged), {"not allowed", "max_rise"});
  refused(good + "\n" + with("judge", "accuracy", judged), {":2", "'accuracy'", "sets of their own"});
  refused("\n\n", {"no case"});
  CHECK_THROWS_WITH(read_held_out("no/such.jsonl"), Catch::Matchers::Contains("no/such.jsonl"));
  CHECK_THROWS_WITH(write_held_out("no/such.jsonl", many(1)), Catch::Matchers::Contains("no/such.jsonl"));
}

TEST_CASE("a draw takes so many of each set, the same every time, and another with another seed") {
  const auto cases = many(90);
  const auto drawn = draw_cases(cases, 10, 1);
  CHECK(drawn.size() == 20);
  CHECK(std::count_if(drawn.begin(), drawn.end(), [](const auto& one) { return one.set == "few"; }) == 10);
  CHECK(ids(draw_cases(cases, 10, 1)) == ids(drawn));
  CHECK(ids(draw_cases(cases, 10, 2)) != ids(drawn));
  CHECK(ids(draw_cases(cases, 1000, 1)) == ids(cases));
  const auto all = ids(cases), some = ids(drawn);
  CHECK(std::is_sorted(some.begin(), some.end(), [&](const auto& a, const auto& b) {
    return std::find(all.begin(), all.end(), a) < std::find(all.begin(), all.end(), b);
  }));
}

TEST_CASE("every case has a seed of its own, which the file's order does not change") {
  CHECK(case_seed("a", 1) == case_seed("a", 1));
  CHECK(case_seed("a", 1) != case_seed("b", 1));
  CHECK(case_seed("a", 1) != case_seed("a", 2));
}
