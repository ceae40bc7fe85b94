// POST /v1/completions, /tokenize, /detokenize and GET /v1/models/<id>.

#include "server_run.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct Reply {
  int status = 0;
  std::string received;
  Json body() const { return Json::parse(received.substr(received.find("\r\n\r\n") + 4)); }
};

Reply call(HttpServer& server, const std::string& request) {
  RawClient client(server.port());
  REQUIRE(client.send(request));
  REQUIRE(client.read_to_end());
  return {status_of(client.received), client.received};
}

Reply post(HttpServer& server, const std::string& path, const std::string& body) {
  return call(server, http_post(body, "Connection: close\r\n", path));
}

std::string completion(const std::string& fields) {
  return R"({"model":"demo",)" + fields + "}";
}

std::string refused(HttpServer& server, const std::string& path, const std::string& body, int status = 400) {
  const Reply reply = post(server, path, body);
  INFO(reply.received);
  CHECK(reply.status == status);
  const Json error = reply.body().at("error");
  CHECK(error["type"] == "invalid_request_error");
  CHECK(error["message"].get<std::string>().size() > 10);
  return error["param"].is_null() ? "" : error["param"].get<std::string>();
}

}  // namespace

TEST_CASE("a text is completed") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const Json body =
      post(server, "/v1/completions", completion(R"("prompt":"count 2","user":"u","temperature":0.5,"seed":4)")).body();
  CHECK(body["object"] == "text_completion");
  CHECK(body["id"].get<std::string>().starts_with("cmpl-"));
  CHECK(body["choices"] == Json::parse(R"([{"text":"t0 t1","index":0,"logprobs":null,"finish_reason":"stop"}])"));
  CHECK(body["usage"]["completion_tokens"] == 2);
  const ChatRequest seen = service.last();
  REQUIRE(seen.plain);
  CHECK(seen.plain->text == "count 2");
  CHECK(seen.messages.empty());
  CHECK(seen.turn_type == TurnType::side);
  CHECK(seen.max_tokens == 16);
  CHECK(seen.user == "u");
  CHECK(seen.sampling.temperature == 0.5F);
}

TEST_CASE("several prompts and several replies to each") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const std::string several = completion(R"("prompt":["count 1","count 3"],"n":2,"max_tokens":40)");
  const Json body = post(server, "/v1/completions", several).body();
  REQUIRE(body["choices"].size() == 4);
  const int counts[] = {1, 2, 3, 4};
  for (int i = 0; i < 4; ++i) {
    CHECK(body["choices"][i]["index"] == i);
    CHECK(body["choices"][i]["text"] == counted(counts[i]));
  }
  CHECK(body["usage"]["prompt_tokens"] == 14);  // each prompt once
  CHECK(body["usage"]["completion_tokens"] == 10);
  CHECK(service.last().max_tokens == 40);
  const Json tokens = post(server, "/v1/completions", completion(R"("prompt":[5,6,7])")).body();
  CHECK(tokens["choices"][0]["text"] == counted(3));
  CHECK(service.last().plain->ids == std::vector<TokenId>{5, 6, 7});
  const Json lists = post(server, "/v1/completions", completion(R"("prompt":[[5,6,7],[1]])")).body();
  REQUIRE(lists["choices"].size() == 2);
  CHECK(lists["choices"][1]["text"] == counted(1));
}

TEST_CASE("text completions stream, with usage and [DONE]") {
  FakeService service;
  HttpServer server(settings_with(), service);
  RawClient client(server.port());
  client.send(http_post(completion(R"("prompt":"logprobs","stream":true,"logprobs":1)"), "", "/v1/completions"));
  REQUIRE(client.read_until(kStreamEnd));
  std::string text;
  Json last;
  std::vector<std::size_t> offsets;
  for (const std::string& event : events_of(client.received)) {
    if (event == "[DONE]") continue;
    last = Json::parse(event);
    CHECK(last["object"] == "text_completion");
    const Json& choice = last["choices"].at(0);
    text += choice["text"].get<std::string>();
    if (choice["logprobs"].is_null()) continue;
    for (const Json& offset : choice["logprobs"]["text_offset"]) offsets.push_back(offset);
    for (const Json& top : choice["logprobs"]["top_logprobs"]) CHECK(top == Json::parse(R"({"t":-0.25})"));
  }
  CHECK(text == counted(3));
  CHECK(offsets == std::vector<std::size_t>{0, 2, 4});
  CHECK(last["choices"][0]["finish_reason"] == "stop");
  CHECK(last["usage"]["total_tokens"] == 10);
}

TEST_CASE("an echo begins with the prompt") {
  FakeService service;
  HttpServer server(settings_with(), service);
  CHECK(post(server, "/v1/completions", completion(R"("prompt":"count 1","echo":true)")).body()["choices"][0]["text"] ==
        "count 1|t0");
  post(server, "/v1/completions", completion(R"("prompt":"count 1","echo":true,"max_tokens":0)"));
  CHECK(service.last().max_tokens == 0);
}

TEST_CASE("log-probs of an echo begin with the prompt's, whose first token has none") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const std::string fields = R"("prompt":"logprobs","echo":true,"logprobs":1)";
  const Json whole = post(server, "/v1/completions", completion(fields)).body()["choices"][0];
  CHECK(whole["text"] == "logprobs|" + counted(3));
  const Json& shown = whole["logprobs"];
  CHECK(shown["tokens"] == Json::parse(R"(["logprobs","|","t0","t1","t2"])"));
  CHECK(shown["token_logprobs"] == Json::parse("[null,-1.0,-0.5,-0.5,-0.5]"));
  CHECK(shown["top_logprobs"] == Json::parse(R"([null,{"|":-1.0},{"t":-0.25},{"t":-0.25},{"t":-0.25}])"));
  CHECK(shown["text_offset"] == Json::parse("[0,8,9,11,13]"));

  RawClient client(server.port());
  client.send(http_post(completion(fields + R"(,"stream":true)"), "", "/v1/completions"));
  REQUIRE(client.read_until(kStreamEnd));
  Json streamed = {{"tokens", Json::array()}, {"token_logprobs", Json::array()}, {"text_offset", Json::array()}};
  for (const std::string& event : events_of(client.received)) {
    if (event == "[DONE]") continue;
    const Json part = Json::parse(event)["choices"].at(0)["logprobs"];
    for (auto& [field, values] : streamed.items())
      if (!part.is_null()) values.insert(values.end(), part[field].begin(), part[field].end());
  }
  for (const auto& [field, values] : streamed.items()) CHECK(values == shown[field]);
}

TEST_CASE("what completions do not offer is refused by name") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const std::pair<std::string, std::string> cases[] = {
      {R"("x":1)", "prompt"},
      {R"("prompt":"")", "prompt"},
      {R"("prompt":[])", "prompt"},
      {R"("prompt":{"a":1})", "prompt"},
      {R"("prompt":["a",5])", "prompt[1]"},
      {R"("prompt":[5,"a"])", "prompt[1]"},
      {R"("prompt":[-5])", "prompt[0]"},
      {R"("prompt":[5.5])", "prompt[0]"},
      {R"("prompt":[[1],[99999999999]])", "prompt[1][0]"},
      {R"("prompt":["a",""])", "prompt[1]"},
      {R"("prompt":"a","suffix":"z")", "suffix"},
      {R"("prompt":"a","best_of":4)", "best_of"},
      {R"("prompt":"a","echo":true,"max_tokens":-1)", "max_tokens"},
      {R"("prompt":"a","logprobs":21)", "logprobs"},
      {R"("prompt":"a","logprobs":true)", "logprobs"},
      {R"("prompt":"a","max_tokens":0)", "max_tokens"},
      {R"("prompt":["a","a","a","a","a","a","a","a","a"],"n":16)", "n"},
      {R"("prompt":"a","stop":[""])", "stop"},
  };
  for (const auto& [fields, param] : cases) {
    INFO(fields);
    CHECK(refused(server, "/v1/completions", completion(fields)) == param);
  }
  CHECK(refused(server, "/v1/completions", R"({"prompt":"a"})") == "model");
  CHECK(refused(server, "/v1/completions", R"({"model":"other","prompt":"a"})", 404) == "model");
  CHECK(refused(server, "/v1/completions", "[") == "");
}

TEST_CASE("text and messages are tokenized, tokens are put together") {
  FakeService service;
  HttpServer server(settings_with(), service);
  CHECK(post(server, "/tokenize", R"({"model":"demo","prompt":"ab"})").body() ==
        Json::parse(R"({"count":3,"max_model_len":32768,"tokens":[1,97,98]})"));
  CHECK(post(server, "/tokenize", R"({"prompt":"ab","add_special_tokens":false})").body()["tokens"] ==
        Json::parse("[97,98]"));
  CHECK(post(server, "/tokenize", R"({"messages":[{"role":"user","content":"ab"}]})").body()["count"] == 2);
  CHECK(post(server, "/detokenize", R"({"tokens":[97,98]})").body() == Json::parse(R"({"prompt":"ab"})"));
  CHECK(post(server, "/detokenize", R"({"tokens":[]})").body() == Json::parse(R"({"prompt":""})"));
}

TEST_CASE("bad requests for tokens are refused by name") {
  FakeService service;
  HttpServer server(settings_with(), service);
  CHECK(refused(server, "/tokenize", R"({"model":"demo"})") == "prompt");
  CHECK(refused(server, "/tokenize", R"({"prompt":5})") == "prompt");
  CHECK(refused(server, "/tokenize", R"({"prompt":"a","messages":[{"role":"user","content":"a"}]})") == "prompt");
  CHECK(refused(server, "/tokenize", R"({"messages":[]})") == "messages");
  CHECK(refused(server, "/tokenize", R"({"prompt":"a","add_special_tokens":1})") == "add_special_tokens");
  CHECK(refused(server, "/tokenize", R"({"prompt":"refuse"})") == "prompt");
  CHECK(refused(server, "/tokenize", R"({"model":"other","prompt":"a"})", 404) == "model");
  CHECK(refused(server, "/detokenize", "{}") == "tokens");
  CHECK(refused(server, "/detokenize", R"({"tokens":"a"})") == "tokens");
  CHECK(refused(server, "/detokenize", R"({"tokens":[1,"a"]})") == "tokens[1]");
  CHECK(refused(server, "/detokenize", R"({"tokens":[1],"model":"other"})", 404) == "model");
}

TEST_CASE("one model is asked for by its name") {
  FakeService service;
  HttpServer server(settings_with(), service);
  const auto get = [&](const std::string& path) { return call(server, http_get(path, "Connection: close\r\n")); };
  CHECK(get("/v1/models/demo").body()["max_model_len"] == 32768);
  CHECK(get("/v1/models/de%6Do?x=1").body()["id"] == "demo");
  for (const char* path : {"/v1/models/none", "/v1/models/%FF%zz", "/v1/models/a%2Fb"}) {
    CHECK(get(path).status == 404);
    CHECK(get(path).body()["error"]["code"] == "model_not_found");
  }
  CHECK(get("/v1/models/").status == 404);
}
