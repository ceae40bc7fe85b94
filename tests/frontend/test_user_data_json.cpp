// Export and erasure as clients see them: fields, whose data a key may reach, and the answers.

#include <nlohmann/json.hpp>

#include "frontend/openai_json.hpp"
#include "frontend/routes.hpp"
#include "frontend/user_data_json.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

ChatError refused(const std::string& body, const std::string& own_key = "") {
  try {
    parse_user_data_request(body, own_key);
  } catch (const RequestError& problem) {
    return problem.error;
  }
  return {};
}

}  // namespace

TEST_CASE("whose data is asked for") {
  const UserDataRequest one = parse_user_data_request(R"({"user":"u17","session_id":"s","after":5,"limit":10})", "");
  CHECK(one.user == "u17");
  CHECK(one.session == "s");
  CHECK(one.key.empty());
  CHECK(one.after == 5);
  CHECK(one.limit == 10);
  CHECK(parse_user_data_request(R"({"key":"app"})", "").key == "app");
  CHECK(parse_user_data_request("{}", "app").key == "app");
  CHECK(parse_user_data_request(R"({"key":"app","user":"u"})", "app").key == "app");
}

TEST_CASE("what is wrong is refused by name, other keys' data without the role admin as well") {
  CHECK(refused("{}").param == "user");
  CHECK(refused(R"({"user":""})").param == "user");
  CHECK(refused(R"({"user":7})").param == "user");
  CHECK(refused(R"({"user":"u","after":-1})").param == "after");
  CHECK(refused(R"({"user":"u","limit":0})").param == "limit");
  CHECK(refused(R"({"user":"u","limit":1001})").param == "limit");
  CHECK(refused(R"({"user":")" + std::string(600, 'x') + "\"}").param == "user");
  CHECK(refused("[1]").status == 400);
  const ChatError foreign = refused(R"({"key":"other"})", "app");
  CHECK(foreign.status == 403);
  CHECK(foreign.param == "key");
  CHECK(find_route("POST", "/v1/user_data/erase").access == Access::own_data);
  CHECK(find_route("POST", "/v1/user_data/export").access == Access::own_data);
}

TEST_CASE("a turn is exported with all that hangs on it") {
  ExportedTurn one;
  one.turn.id = {12};
  one.turn.session = "app:s";
  one.turn.state = TurnState::trained;
  one.turn.messages = {{"user", "Hi \xFF", "", {}, ""}};
  one.turn.reply_message = {"assistant", "", "hm", {{"c1", "f", "{}"}}, ""};
  one.turn.next_state = {{"tool", "sunny", "", {}, "c1"}};
  Verdict verdict;
  verdict.votes = {std::int8_t{1}, std::nullopt};
  verdict.score = 1;
  verdict.hints = {"Be brief."};
  one.verdicts = {verdict};
  one.samples = {{0, "turn", "", 4, 30, 2, 5, 100.5}};
  one.feedback = {{"fb", "good", "", "", "bad", "feedback", "sampled", 2, 1, true, 0.5, 101, 0}};
  const Json json = Json::parse(format_export({{one}, 12}));
  CHECK(json["next_after"] == 12);
  const Json& turn = json["turns"].at(0);
  CHECK(turn["turn_id"] == 12);
  CHECK(turn["state"] == "trained");
  CHECK(turn["learning"] == "learn");
  CHECK(turn["messages"][0]["role"] == "user");
  CHECK(turn["reply"]["reasoning_content"] == "hm");
  CHECK(turn["reply"]["tool_calls"][0]["function"]["name"] == "f");
  CHECK(turn["next_state"][0]["tool_call_id"] == "c1");
  CHECK(turn["verdicts"][0]["votes"] == Json({1, nullptr}));
  CHECK(turn["verdicts"][0]["hints"] == Json({"Be brief."}));
  CHECK(turn["samples"][0]["trained"] == Json({{"step", 2}, {"version", 5}}));
  CHECK(turn["feedback"][0]["score"] == 0.5);
  CHECK(turn["feedback"][0]["fault"] == "bad");
  CHECK(turn["feedback"][0]["severity"] == 2);
  CHECK(turn["feedback"][0]["withdrawn"].is_null());
  CHECK(Json::parse(format_export({}))["next_after"].is_null());
}

TEST_CASE("an erasure says what there was and what the weights have seen") {
  const Json json = Json::parse(format_erasure({3, 2, 1, 0, {{12, 2, 5}}, true}));
  CHECK(json["turns"] == 3);
  CHECK(json["verdicts"] == 2);
  CHECK(json["samples"] == 1);
  CHECK(json["feedback"] == 0);
  CHECK(json["trained"] == Json::array({{{"turn_id", 12}, {"step", 2}, {"version", 5}}}));
  CHECK(json["overwritten"] == true);
}
