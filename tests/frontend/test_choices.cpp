// Several replies to one request, log-probs and the headers of a reply, through the whole server.

#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::string answer(HttpServer& server, const std::string& request) {
  RawClient client(server.port());
  REQUIRE(client.send(request));
  REQUIRE(client.read_to_end());
  return client.received;
}

Json body_of(const std::string& received) {
  return Json::parse(received.substr(received.find("\r\n\r\n") + 4));
}

std::vector<Json> chunks(HttpServer& server, const std::string& request) {
  RawClient client(server.port());
  REQUIRE(client.send(request));
  REQUIRE(client.read_until(kStreamEnd));
  std::vector<Json> list;
  for (const std::string& event : events_of(client.received))
    if (event != "[DONE]") list.push_back(Json::parse(event));
  return list;
}

}  // namespace

TEST_CASE("n replies in one piece, usage summed once") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const Json body =
      body_of(answer(server, http_post(chat_body("count 2", false, ",\"n\":3"), "Connection: close\r\n")));
  REQUIRE(body["choices"].size() == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(body["choices"][i]["index"] == i);
    CHECK(body["choices"][i]["message"]["content"] == counted(2 + i));
    CHECK(body["choices"][i]["finish_reason"] == "stop");
  }
  CHECK(body["usage"]["prompt_tokens"] == 7);
  CHECK(body["usage"]["prompt_tokens_details"]["cached_tokens"] == 5);
  CHECK(body["usage"]["completion_tokens"] == 2 + 3 + 4);
}

TEST_CASE("n replies streamed: each chunk says whose it is, usage on the last one") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const bool asked = GENERATE(false, true);
  const auto list = chunks(
      server,
      http_post(chat_body("count 2", true,
                          std::string(",\"n\":3") + (asked ? R"(,"stream_options":{"include_usage":true})" : ""))));
  std::vector<std::string> text(3), reason(3);
  std::vector<int> roles(3);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool last = i + 1 == list.size();
    CHECK(list[i].contains("usage") == last);
    if (last && asked) {
      CHECK(list[i]["choices"].empty());
      continue;
    }
    const Json& choice = list[i]["choices"].at(0);
    const auto index = choice["index"].get<std::size_t>();
    CHECK(reason[index].empty());  // nothing follows a finish
    roles[index] += choice["delta"].contains("role");
    text[index] += choice["delta"].value("content", "");
    if (choice["finish_reason"].is_string()) reason[index] = choice["finish_reason"];
  }
  for (int i = 0; i < 3; ++i) {
    CHECK(text[i] == counted(2 + i));
    CHECK(reason[i] == "stop");
    CHECK(roles[i] == 1);
  }
  CHECK(list.back()["usage"]["completion_tokens"] == 9);
  CHECK(list.back()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0);
}

TEST_CASE("one reply that fails ends the others") {
  FakeService service;
  HttpServer server(settings_with(), service);
  CHECK(status_of(answer(server, http_post(chat_body("fail second", false, ",\"n\":3"), "Connection: close\r\n"))) ==
        500);
  CHECK(service.wait_cancelled(1));
  CHECK(service.active() == 0);
}

TEST_CASE("a client that leaves ends all replies") {
  FakeService service;
  HttpServer server(settings_with(), service);
  {
    RawClient client(server.port());
    client.send(http_post(chat_body("wait", true, ",\"n\":4")));
    CHECK(service.wait_started(1));
  }
  CHECK(service.wait_cancelled(1));
  CHECK(service.active() == 0);
}

TEST_CASE("while n replies are awaited the stream gets empty chunks") {
  FakeService service;
  HttpSettings settings = settings_with();
  settings.keepalive_interval = 20ms;
  HttpServer server(settings, service);
  RawClient client(server.port());
  client.send(http_post(chat_body("wait", true, ",\"n\":2")));
  REQUIRE(client.read_until(R"("delta":{"content":""})"));
  service.release();
  REQUIRE(client.read_until(kStreamEnd));
  CHECK(streamed_text(client.received) == counted(1) + counted(2));
}

TEST_CASE("log-probs come with the text that they belong to") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const std::string more = R"(,"logprobs":true,"top_logprobs":1)";
  std::size_t tokens = 0;
  for (const Json& chunk : chunks(server, http_post(chat_body("logprobs", true, more)))) {
    const Json& choice = chunk["choices"].at(0);
    const bool with_text = !choice["delta"].value("content", "").empty();
    REQUIRE(choice["logprobs"].is_null() != with_text);
    if (!with_text) continue;
    CHECK(choice["logprobs"]["content"].at(0)["token"] == "t" + std::to_string(tokens));
    CHECK(choice["logprobs"]["content"].at(0)["top_logprobs"].size() == 1);
    tokens += choice["logprobs"]["content"].size();
  }
  CHECK(tokens == 3);
  const Json whole = body_of(answer(server, http_post(chat_body("logprobs", false, more), "Connection: close\r\n")));
  CHECK(whole["choices"][0]["logprobs"]["content"].size() == 3);
  const Json without = body_of(answer(server, http_post(chat_body("logprobs", false), "Connection: close\r\n")));
  CHECK(without["choices"][0]["logprobs"].is_null());
}

TEST_CASE("the headers of a reply say what may be learned and which session it is") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const bool stream = GENERATE(false, true);
  const auto headers = [&](const std::string& request_headers, const std::string& fields = "") {
    const std::string received =
        answer(server, http_post(chat_body("count 1", stream, fields), request_headers + "Connection: close\r\n"));
    CHECK(status_of(received) == 200);
    return received.substr(0, received.find("\r\n\r\n") + 2);
  };
  std::string head = headers("");
  CHECK(head.find("X-Clawrl-Learning: learn\r\n") != std::string::npos);
  CHECK(head.find("X-Clawrl-Session") == std::string::npos);
  CHECK(head.find("X-Request-Id: chatcmpl-") != std::string::npos);
  head = headers("X-Session-Id: s1\r\nX-Learning: off\r\n");
  CHECK(head.find("X-Clawrl-Learning: off\r\n") != std::string::npos);
  CHECK(head.find("X-Clawrl-Session: s1\r\n") != std::string::npos);
  head = headers("", R"(,"session_id":"a é%","metadata":{"learning":"store"})");
  CHECK(head.find("X-Clawrl-Learning: store\r\n") != std::string::npos);
  CHECK(head.find("X-Clawrl-Session: a%20%C3%A9%25\r\n") != std::string::npos);
}

TEST_CASE("headers of one reply are not those of the next") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  client.send(http_post(chat_body("count 1", false), "X-Session-Id: once\r\n"));
  REQUIRE(client.read_until("\"content\":\"t0\""));
  client.received.clear();
  client.send(http_get("/v1/models", "Connection: close\r\n"));
  REQUIRE(client.read_to_end());
  CHECK(client.received.find("X-Clawrl") == std::string::npos);
  CHECK(client.received.find("X-Request-Id") == std::string::npos);
}
