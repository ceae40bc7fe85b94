// The whole OpenAI surface against a running job with the demo model: several replies, log-probs, penalties, text
// completions, tokens.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

#include "frontend/raw_client.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using Json = nlohmann::json;

struct Server {
  int port;
  Json post(const std::string& path, const Json& body, int status = 200) const {
    RawClient client(port);
    REQUIRE(client.send(http_post(body.dump(), "Connection: close\r\n", path)));
    REQUIRE(client.read_to_end());
    INFO(client.received);
    REQUIRE(status_of(client.received) == status);
    return Json::parse(client.received.substr(client.received.find("\r\n\r\n") + 4));
  }
};

Json chat(const std::string& session, const Json& more) {
  const std::string question =
      "Mia Stone has 3 red apples and buys 4 more at the market. How many apples does Mia have?";
  Json body = {{"model", "clawrl-demo"},
               {"session_id", session},
               {"turn_type", "main"},
               {"max_tokens", 24},
               {"messages", Json::array({{{"role", "user"}, {"content", question}}})}};
  body.update(more);
  return body;
}

/// What the sampler drew, one turn per reply.
std::vector<Turn> turns_of(const JournalReader& journal, const std::string& session) {
  std::vector<Turn> turns;
  for (const TurnId id : journal.turns_of(session)) turns.push_back(journal.turn(id).value());
  return turns;
}

void check_choices(const Json& reply) {
  REQUIRE(reply["choices"].size() == 4);
  std::set<std::string> texts;
  int tokens = 0;
  for (const Json& choice : reply["choices"]) {
    texts.insert(choice["message"].dump());
    for (const Json& token : choice["logprobs"]["content"]) {
      ++tokens;
      CHECK(token["logprob"].get<double>() <= 0);
      REQUIRE(token["top_logprobs"].size() == 3);
      CHECK(token["top_logprobs"][0]["logprob"].get<double>() >= token["top_logprobs"][2]["logprob"].get<double>());
    }
  }
  CHECK(texts.size() > 1);  // seeds of their own
  CHECK(tokens <= reply["usage"]["completion_tokens"].get<int>());
  CHECK(tokens >= reply["usage"]["completion_tokens"].get<int>() - 4);  // all but the stop tokens
}

/// What the engine samples with its cache, and what an echo of it is scored as, whatever is cached.
void check_echo(const Server& server) {
  const std::string prompt = "Mia has 3 red apples and buys 4";
  const Json ask = {{"model", "clawrl-demo"}, {"logprobs", 1}, {"temperature", 0}, {"max_tokens", 1}};
  Json sampling = ask, scoring = ask;
  sampling["prompt"] = prompt;
  const Json said = server.post("/v1/completions", sampling)["choices"][0]["logprobs"];
  Json ids = server.post("/tokenize", {{"prompt", prompt}})["tokens"];
  const Json next = server.post("/tokenize", {{"prompt", said["tokens"][0]}, {"add_special_tokens", false}})["tokens"];
  REQUIRE(next.size() == 1);
  ids.push_back(next[0]);
  scoring.update({{"prompt", ids}, {"echo", true}});
  const Json once = server.post("/v1/completions", scoring)["choices"][0]["logprobs"];
  scoring["max_tokens"] = 0;
  const Json again = server.post("/v1/completions", scoring)["choices"][0]["logprobs"];
  CHECK(once["tokens"].size() == ids.size() + 1);
  REQUIRE(again["tokens"].size() == ids.size());
  CHECK(again["token_logprobs"][0].is_null());
  CHECK(again["token_logprobs"].back().get<double>() == Approx(said["token_logprobs"][0].get<double>()).margin(1e-3));
  CHECK(again["token_logprobs"].back() == again["top_logprobs"].back()[said["tokens"][0].get<std::string>()]);
  for (std::size_t i = 1; i < ids.size(); ++i) CHECK(again["token_logprobs"][i] == once["token_logprobs"][i]);
}

}  // namespace

TEST_CASE("choices, log-probs, penalties, completions and tokens of a real model") {
  Workspace workspace("endpoint");
  const std::string out = workspace.path("run");
  JobProcess job({.out = out});
  const Server server{job.wait_until_serving().port};

  check_choices(server.post("/v1/chat/completions",
                            chat("four", {{"n", 4}, {"logprobs", true}, {"top_logprobs", 3}, {"temperature", 1.5}})));
  server.post("/v1/chat/completions", chat("biased", {{"presence_penalty", 1}, {"repetition_penalty", 1.2}}));
  server.post("/v1/chat/completions", chat("outside", {{"logit_bias", {{"99999999", 1}}}}), 400);

  const Json tokens = server.post("/tokenize", {{"prompt", "Mia has 3 apples."}});
  REQUIRE(tokens["count"] == tokens["tokens"].size());
  CHECK(tokens["max_model_len"].get<int>() > 100);
  CHECK(server.post("/detokenize", {{"tokens", tokens["tokens"]}})["prompt"] == "Mia has 3 apples.");
  const Json whole = server.post("/v1/completions", {{"model", "clawrl-demo"}, {"prompt", "Mia has"}, {"seed", 4}});
  CHECK(whole["usage"]["completion_tokens"].get<int>() <= 16);
  CHECK(whole["usage"]["completion_tokens"].get<int>() > 0);
  const Json again = server.post("/v1/completions", {{"model", "clawrl-demo"}, {"prompt", "Mia has"}, {"seed", 4}});
  CHECK(again["choices"] == whole["choices"]);
  check_echo(server);

  job.stop();
  REQUIRE(job.wait() == 0);
  const JournalReader journal(journal_of(out));
  const std::vector<Turn> four = turns_of(journal, "four");
  REQUIRE(four.size() == 4);
  for (const Turn& turn : four) {
    CHECK(turn.index == 0);
    CHECK(turn.prompt == four[0].prompt);
    if (turn.id != four[0].id) CHECK(turn.completion.cached_tokens > 0);  // the first one's prompt
  }
  const std::vector<Turn> biased = turns_of(journal, "biased");
  REQUIRE(biased.size() == 1);
  CHECK(biased[0].completion.sampling.adjusted());
  workspace.done();
}

}  // namespace clawrl::test
