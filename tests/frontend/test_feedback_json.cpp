// POST /v1/feedback: what is taken, what is refused and by which name.

#include <nlohmann/json.hpp>

#include "frontend/feedback_json.hpp"
#include "frontend/openai_json.hpp"
#include "frontend/server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

/// Remembers what it was given; answers as told.
struct FeedbackService : FakeService {
  void feedback(FeedbackRequest request, Answer<FeedbackReceipt> answer) override {
    given = request;
    if (request.completion_id == "chatcmpl-other")
      return answer({std::nullopt, {404, "invalid_request_error", "turn_not_found", "completion_id", "no such turn"}});
    FeedbackReceipt receipt{"fb-1", "accepted", {{12, "s1", 3, request.completion_id, 1.0, "judging"}}, ""};
    std::thread([answer, receipt] { answer({receipt, {}}); }).detach();  // from another thread, as the journal does
  }
  FeedbackRequest given;
};

ChatError refusal_of(const std::string& body) {
  try {
    parse_feedback_request(body);
  } catch (const RequestError& refused) {
    return refused.error;
  }
  return {0, "", "", "", "not refused"};
}

}  // namespace

TEST_CASE("every way to name a turn and to say something of it") {
  const auto by_id = parse_feedback_request(R"({"completion_id":"chatcmpl-1","thumbs":"down","user":"ann","id":"x1"})");
  CHECK(by_id.completion_id == "chatcmpl-1");
  CHECK(by_id.score == -1.0);
  CHECK(by_id.user == "ann");
  CHECK(by_id.id == "x1");
  CHECK(by_id.key.empty());
  const auto by_place = parse_feedback_request(R"({"session_id":"s","turn":0,"score":0.5,"text":"nice","more":1})");
  CHECK(by_place.session == "s");
  CHECK(by_place.turn == 0);
  CHECK(by_place.score == 0.5);
  CHECK(by_place.text == "nice");
  const auto by_time =
      parse_feedback_request(R"({"session_id":"s","time":"yesterday","utc_offset":"+05:30","correction":"Say 4."})");
  CHECK(by_time.time == "yesterday");
  CHECK(by_time.utc_offset_minutes == 330);
  CHECK_FALSE(by_time.score);
  CHECK(by_time.correction == "Say 4.");
  CHECK(parse_feedback_request(R"({"text":"yesterday's advice worked","utc_offset":"-0800"})").utc_offset_minutes ==
        -480);
  CHECK(parse_feedback_request(R"({"completion_id":"c","thumbs":"up","score":1})").score == 1.0);
  CHECK(parse_feedback_request(R"({"completion_id":"c","hint":"No lists."})").hint == "No lists.");
  const auto blame = parse_feedback_request(R"({"completion_id":"c","fault":"**4**","severity":3})");
  CHECK(blame.fault == "**4**");
  CHECK(blame.severity == 3);
  const auto withdrawn = parse_feedback_request(R"({"id":"x1","withdraw":true})");
  CHECK(withdrawn.withdraw);
  CHECK(withdrawn.id == "x1");
}

TEST_CASE("every malformed field is refused by its name") {
  const std::string turn = R"({"completion_id":"c",)";
  struct {
    std::string body, param;
  } const table[] = {
      {"", ""},
      {"[]", ""},
      {"{", ""},
      {"{}", "thumbs"},
      {turn + R"("thumbs":"sideways"})", "thumbs"},
      {turn + R"("thumbs":1})", "thumbs"},
      {turn + R"("thumbs":""})", "thumbs"},
      {turn + R"("score":2})", "score"},
      {turn + R"("score":-1.01})", "score"},
      {turn + R"("score":"1"})", "score"},
      {turn + R"("thumbs":"up","score":-0.5})", "thumbs"},
      {turn + R"("text":5})", "text"},
      {turn + R"("text":" \n"})", "thumbs"},
      {turn + R"("text":")" + std::string(70'000, 'x') + "\"}", "text"},
      {turn + R"("correction":["x"]})", "correction"},
      {turn + R"("hint":3})", "hint"},
      {turn + R"("fault":["a"]})", "fault"},
      {turn + R"("thumbs":"up","fault":"a"})", "fault"},
      {turn + R"("severity":0})", "severity"},
      {turn + R"("severity":4})", "severity"},
      {turn + R"("score":0.5,"severity":1})", "severity"},
      {turn + R"("score":0,"fault":"a"})", "fault"},
      {turn + R"("thumbs":"up","id":7})", "id"},
      {turn + R"("thumbs":"up","id":")" + std::string(300, 'i') + "\"}", "id"},
      {turn + R"("thumbs":"up","id":"a\nb"})", "id"},
      {turn + R"("thumbs":"up","user":{}})", "user"},
      {turn + R"("thumbs":"up","turn":1})", "turn"},
      {turn + R"("thumbs":"up","time":"today"})", "time"},
      {turn + R"("thumbs":"up","withdraw":"yes"})", "withdraw"},
      {turn + R"("thumbs":"up","utc_offset":"2"})", "utc_offset"},
      {turn + R"("thumbs":"up","utc_offset":"+25:00"})", "utc_offset"},
      {turn + R"("thumbs":"up","utc_offset":"+02:75"})", "utc_offset"},
      {turn + R"("thumbs":"up","utc_offset":2})", "utc_offset"},
      {R"({"completion_id":5,"thumbs":"up"})", "completion_id"},
      {R"({"thumbs":"up"})", "completion_id"},
      {R"({"session_id":"s","thumbs":"up"})", "turn"},
      {R"({"session_id":"s","turn":-1,"thumbs":"up"})", "turn"},
      {R"({"session_id":"s","turn":1.5,"thumbs":"up"})", "turn"},
      {R"({"session_id":"s","turn":1,"time":"today","thumbs":"up"})", "time"},
      {R"({"session_id":4,"turn":1,"thumbs":"up"})", "session_id"},
      {R"({"turn":1,"thumbs":"up"})", "session_id"},
      {R"({"withdraw":true})", "id"},
  };
  for (const auto& one : table) {
    const ChatError error = refusal_of(one.body);
    INFO(one.body.substr(0, 100) << ": " << error.message);
    CHECK(error.status == 400);
    CHECK(error.type == "invalid_request_error");
    CHECK(error.param == one.param);
    CHECK((one.param.empty() || error.message.find(one.param) != std::string::npos ||
           error.message.find("withdraw") != std::string::npos || error.message.find("Send") != std::string::npos ||
           error.message.find("send") != std::string::npos));
  }
}

TEST_CASE("the receipt says what was credited, and why when nothing was") {
  const auto json =
      Json::parse(format_feedback({"fb-1", "accepted", {{12, "s1", 3, "chatcmpl-1", 0.75, "judging"}}, ""}));
  CHECK(json.at("object") == "feedback");
  CHECK(json.at("id") == "fb-1");
  CHECK(json.at("status") == "accepted");
  CHECK(json.at("reason").is_null());
  REQUIRE(json.at("turns").size() == 1);
  CHECK(json["turns"][0] == Json::parse(R"({"turn_id":12,"session_id":"s1","turn":3,"completion_id":"chatcmpl-1",
                                           "confidence":0.75,"learning":"judging"})"));
  CHECK(Json::parse(format_feedback({"x", "uncredited", {}, "3 turns fit"})).at("reason") == "3 turns fit");
}

TEST_CASE("the endpoint answers over HTTP, with the service's own status when it refuses") {
  FeedbackService service;
  HttpServer server(settings_with(), service);
  const auto post = [&](const std::string& body) {
    RawClient client(server.port());
    REQUIRE(client.send(http_post(body, "Connection: close\r\n", "/v1/feedback")));
    REQUIRE(client.read_to_end());
    return client.received;
  };
  const std::string accepted = post(R"({"completion_id":"chatcmpl-1","thumbs":"up"})");
  CHECK(status_of(accepted) == 200);
  CHECK(accepted.find(R"("completion_id":"chatcmpl-1")") != std::string::npos);
  CHECK(service.given.score == 1.0);
  CHECK(service.given.key.empty());
  const std::string unknown = post(R"({"completion_id":"chatcmpl-other","thumbs":"up"})");
  CHECK(status_of(unknown) == 404);
  CHECK(unknown.find("turn_not_found") != std::string::npos);
  CHECK(status_of(post(R"({"completion_id":"c"})")) == 400);
  FakeService without;  // a service that takes no feedback says so
  HttpServer other(settings_with(), without);
  RawClient client(other.port());
  REQUIRE(client.send(http_post(R"({"completion_id":"c","thumbs":"up"})", "Connection: close\r\n", "/v1/feedback")));
  REQUIRE(client.read_to_end());
  CHECK(status_of(client.received) == 501);
}
