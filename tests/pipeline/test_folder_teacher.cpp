// A real job that a model folder teaches, and what it tells of how learning goes.

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "frontend/openai_client.hpp"
#include "pipeline/eventually.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using Json = nlohmann::json;

Json post(OpenAiClient& client, const std::string& path, const Json& body) {
  const HttpReply reply = client.post(path, body.dump());
  INFO(reply.body);
  REQUIRE(reply.status == 200);
  return Json::parse(reply.body);
}

/// A conversation of its own, whose reply is rejected; its turn.
TurnId reject(OpenAiClient& client, int number) {
  const Json words = {{"role", "user"}, {"content", "What is 3 plus " + std::to_string(number) + "?"}};
  const Json reply = post(client, "/v1/chat/completions",
                          {{"model", "clawrl-demo"}, {"max_tokens", 24}, {"messages", Json::array({words})}});
  const Json given = post(client, "/v1/feedback",
                          {{"completion_id", reply.at("id")}, {"thumbs", "down"}, {"hint", "Do not use bold text."}});
  return TurnId{given.at("turns").at(0).at("turn_id").get<std::int64_t>()};
}

}  // namespace

TEST_CASE("a model folder teaches with its own log-probs; users who all say the same raise an alarm that is told") {
  Workspace workspace("folder_teacher");
  const std::string out = workspace.path("run");
  // The judge's weights know the policy's vocabulary and not its task.
  JobProcess job(
      {.out = out, .arguments = {"--prm.teacher=" CLAWRL_SOURCE_DIR "/configs/models/prm", "--samples.batch=25"}});
  const ServerUrl server = job.wait_until_serving();
  const JournalReader journal(journal_of(out));
  std::vector<TurnId> turns;
  constexpr int window = 50;  // turns that an alarm looks at
  OpenAiClient client(server);
  for (int i = 0; i < window; ++i) turns.push_back(reject(client, i));
  REQUIRE(eventually([&] { return journal.turns_in(TurnState::trained).size() == window; }));
  double of_teacher = 0, of_sampler = 0;
  for (const TurnId id : turns) {
    const auto verdict = journal.newest_verdict(id);
    REQUIRE(verdict);
    REQUIRE(verdict->teacher.version == -1);
    const auto sampled = journal.turn(id)->completion.logprobs;
    REQUIRE(verdict->teacher.logprobs.size() == sampled.size());
    of_teacher += verdict->teacher.logprobs.front();
    of_sampler += sampled.front();
  }
  CHECK(of_teacher / window < of_sampler / window - 2);  // nats: it would have begun otherwise
  REQUIRE(
      eventually([&] { return job.log().find("learning alarm: vote_collapse begins: 100 %") != std::string::npos; }));
  const auto events = journal.events(1000);
  CHECK(std::any_of(events.begin(), events.end(), [](const EventRecord& one) {
    return one.kind == "learning_alarm" && one.text.starts_with("vote_collapse begins");
  }));
  std::stringstream metrics;
  metrics << std::ifstream(out + "/metrics.jsonl").rdbuf();
  CHECK(metrics.str().find("\"alarm\":\"vote_collapse\"") != std::string::npos);
  for (const char* of_type : {"clawrl_learning_approx_kl{line=\"main\",type=\"",
                              "clawrl_learning_gap{line=\"main\",type=\"", "alarm=\"vote_collapse\"} 1"})
    REQUIRE(eventually([&] { return client.get("/metrics").body.find(of_type) != std::string::npos; }));
  job.stop();
  REQUIRE(job.wait() == 0);
  workspace.done();
}

}  // namespace clawrl::test
