// A real job: thumbs down by completion id becomes a verdict of the user and a trained sample, and can be withdrawn.

#include <memory>
#include <nlohmann/json.hpp>

#include "frontend/raw_client.hpp"
#include "pipeline/eventually.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "samples/group_advantage.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using Json = nlohmann::json;

struct Answered {
  int status = 0;
  Json body;
};

Answered post(const ServerUrl& server, const std::string& path, const Json& body, const std::string& headers = "") {
  RawClient client(server.port);
  REQUIRE(client.send(http_post(body.dump(), headers + "Connection: close\r\n", path)));
  REQUIRE(client.read_to_end());
  const auto begin = client.received.find("\r\n\r\n");
  REQUIRE(begin != std::string::npos);
  return {status_of(client.received), Json::parse(client.received.substr(begin + 4))};
}

std::string metrics_page(const ServerUrl& server) {
  RawClient client(server.port);
  REQUIRE(client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  REQUIRE(client.read_to_end());
  return client.received;
}

Json chat(const ServerUrl& server, const std::string& session, const Json& messages, const std::string& headers = "") {
  const Json body = {{"model", "clawrl-demo"}, {"max_tokens", 24}, {"messages", messages}};
  const Answered reply =
      post(server, "/v1/chat/completions", body, "X-Turn-Type: main\r\nX-Session-Id: " + session + "\r\n" + headers);
  INFO(reply.body.dump());
  REQUIRE(reply.status == 200);
  return reply.body;
}

const Json question = Json::array({{{"role", "user"}, {"content", "What is 3 plus 4?"}}});

/// Asks in a session of its own; the completion id.
std::string ask(const ServerUrl& server, const std::string& session, const std::string& headers = "") {
  return chat(server, session, question, headers).at("id");
}

/// Asks, lets the session end, then goes on. The turn of the first question.
TurnId come_back_late(const ServerUrl& server, const JournalReader& journal) {
  const Json first = chat(server, "late", question);
  const auto ids = journal.turns_by_completion(first.at("id"));
  REQUIRE(ids.size() == 1);
  const TurnId id = ids[0];
  REQUIRE(eventually([&] { return journal.turn(id)->state != TurnState::answered; }));
  Json messages = question;
  messages.push_back(first.at("choices")[0].at("message"));
  messages.push_back({{"role", "user"}, {"content", "Please leave out the list and the bold text."}});
  chat(server, "late", messages);
  return id;
}

}  // namespace

TEST_CASE("thumbs down by completion id is trained as the user's verdict") {
  Workspace workspace("feedback");
  const std::string out = workspace.path("run");
  JobProcess job({.out = out});
  const ServerUrl server = job.wait_until_serving();
  std::vector<std::string> completions;
  for (int i = 0; i < 2; ++i) completions.push_back(ask(server, "thumbs-" + std::to_string(i)));
  const JournalReader journal(journal_of(out));

  std::vector<std::int64_t> turns;
  for (const std::string& completion : completions) {
    const Json thumb = {{"completion_id", completion}, {"thumbs", "down"}};
    const Answered first = post(server, "/v1/feedback", thumb);
    INFO(first.body.dump());
    REQUIRE(first.status == 200);
    REQUIRE(first.body.at("status") == "accepted");
    REQUIRE(first.body.at("turns").size() == 1);
    REQUIRE(first.body["turns"][0].at("completion_id") == completion);
    turns.push_back(first.body["turns"][0].at("turn_id"));
    REQUIRE(post(server, "/v1/feedback", thumb).body.at("status") == "duplicate");
  }
  const Answered unknown = post(server, "/v1/feedback", {{"completion_id", "chatcmpl-none"}, {"thumbs", "up"}});
  REQUIRE(unknown.status == 404);
  REQUIRE(unknown.body.at("error").at("code") == "turn_not_found");

  for (const std::int64_t id : turns) {
    REQUIRE(eventually([&] { return journal.turn({id})->state == TurnState::trained; }));
    const auto verdict = journal.newest_verdict({id});
    REQUIRE(verdict);
    REQUIRE(verdict->revision == 1);
    REQUIRE(verdict->origin == "user");
    REQUIRE(verdict->score == -1);
    REQUIRE(journal.samples(std::vector<SampleId>{{{id}, 1}})[0].origin == "feedback");
  }
  const Answered by_place = post(server, "/v1/feedback",
                                 {{"session_id", "thumbs-0"}, {"turn", 0}, {"score", 0.9}, {"text", "It was right."}});
  REQUIRE(by_place.status == 200);
  REQUIRE(by_place.body["turns"][0].at("turn_id") == turns[0]);
  REQUIRE(eventually([&] { return journal.verdict({{turns[0]}, 2}).has_value(); }));
  REQUIRE(journal.verdict({{turns[0]}, 2})->score == 1);
  for (const char* metric : {"clawrl_learning_turns_total{line=\"main\",type=\"", "clawrl_step_loss{line=\"main\"}"})
    REQUIRE(eventually([&] { return metrics_page(server).find(metric) != std::string::npos; }));
  const Answered withdrawn = post(server, "/v1/feedback", {{"id", by_place.body.at("id")}, {"withdraw", true}});
  REQUIRE(withdrawn.status == 200);
  REQUIRE(withdrawn.body.at("status") == "withdrawn");

  job.stop();
  REQUIRE(job.wait() == 0);
  const auto problems = step_problems(journal);
  INFO(joined(problems));
  REQUIRE(problems.empty());
  workspace.done();
}

TEST_CASE("a judged turn that cannot be trained is refused with its reason, and counted") {
  Workspace workspace("refused_turn");
  JobProcess job({.out = workspace.path("run")});
  const ServerUrl server = job.wait_until_serving();
  Json greedy = {{"model", "clawrl-demo"}, {"max_tokens", 24}, {"temperature", 0}, {"messages", question}};
  const std::string headers = "X-Turn-Type: main\r\nX-Session-Id: greedy\r\n";
  const Answered certain = post(server, "/v1/chat/completions", greedy, headers);
  REQUIRE(certain.status == 200);
  greedy["messages"].push_back(certain.body.at("choices")[0].at("message"));
  greedy["messages"].push_back({{"role", "user"}, {"content", "Please leave out the list and the bold text."}});
  REQUIRE(post(server, "/v1/chat/completions", greedy, headers).status == 200);
  REQUIRE(eventually([&] {
    return metrics_page(server).find("clawrl_turns_excluded_total{reason=\"greedy\"} 1\n") != std::string::npos;
  }));
  job.stop();
  REQUIRE(job.wait() == 0);
  workspace.done();
}

TEST_CASE("who asks for opposites is not learned from; who asks for one thing after another is") {
  Workspace workspace("unsteady");
  const std::string out = workspace.path("run");
  JobProcess job(
      {.out = out, .arguments = {"--feedback.most_contradictions=0.2", "--samples.batch=1", "--prm.teacher=base"}});
  const Json task = Json::array(
      {{{"role", "user"},
        {"content",
         "Leo Dale has 7 red apples and finds 5 more in the garden. How many red apples does Leo have now?"}}});
  const ServerUrl server = job.wait_until_serving();
  const JournalReader journal(journal_of(out));
  int sessions = 0;
  const auto ask_for = [&](const std::string& user, const std::string& hint) -> TurnId {
    const Answered reply =
        post(server, "/v1/chat/completions", {{"model", "clawrl-demo"}, {"user", user}, {"messages", task}},
             "X-Turn-Type: main\r\nX-Session-Id: " + user + std::to_string(++sessions) + "\r\n");
    const Answered given =
        post(server, "/v1/feedback",
             {{"completion_id", reply.body.at("id")}, {"user", user}, {"thumbs", "down"}, {"hint", hint}});
    INFO(given.body.dump());
    REQUIRE(given.status == 200);
    const TurnId id{given.body.at("turns")[0].at("turn_id")};
    REQUIRE(eventually([&] {
      const auto samples = journal.samples_on(id);
      return journal.turn(id)->state == TurnState::trained || (!samples.empty() && !samples.back().exclusion.empty());
    }));
    return id;
  };
  const TurnId asked = ask_for("eve", "Use bold text."), opposed = ask_for("eve", "Do not use bold text.");
  CHECK(journal.turn(asked)->state == TurnState::trained);
  CHECK(journal.newest_verdict(opposed)->opposes());
  CHECK(journal.samples_on(opposed).back().exclusion == "unsteady");
  const TurnId both = ask_for("eve", "Use bold text.");  // what she asked for first, against what she asked for last
  CHECK(journal.newest_verdict(both)->opposes());
  ask_for("bob", "Make the reply longer.");
  const TurnId other = ask_for("bob", "Do not use bold text."), again = ask_for("bob", "Make the reply longer.");
  CHECK_FALSE(journal.newest_verdict(other)->opposes());
  CHECK_FALSE(journal.newest_verdict(again)->opposes());
  CHECK(journal.turn(other)->state == TurnState::trained);
  job.stop();
  REQUIRE(job.wait() == 0);
  workspace.done();
}

TEST_CASE("choices that are scored one by one are trained as a group") {
  Workspace workspace("groups");
  const std::string out = workspace.path("run");
  const bool restart = GENERATE(false, true);
  JobSettings settings{
      .out = out,
      .arguments = {"--samples.method=binary", "--samples.baseline=group", "--samples.batch=4", "--samples.replay=0"}};
  auto job = std::make_unique<JobProcess>(settings);
  ServerUrl server = job->wait_until_serving();
  const Answered reply = post(
      server, "/v1/chat/completions", {{"model", "clawrl-demo"}, {"max_tokens", 24}, {"n", 4}, {"messages", question}},
      "X-Turn-Type: main\r\nX-Session-Id: group\r\nX-Session-Done: true\r\n");  // as a driver of tasks asks
  REQUIRE(reply.status == 200);
  const JournalReader journal(journal_of(out));
  const std::vector<double> rewards = {1, -1, 0, 1};
  std::vector<TurnId> turns;
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    if (i == 3) {  // the others wait for it
      REQUIRE(eventually([&] { return journal.turns_in(TurnState::scored).size() == 3; }));
      for (const TurnId turn : turns) REQUIRE_FALSE(journal.has_sample({turn, 1}));
      if (restart) {
        job->stop();
        REQUIRE(job->wait() == 0);
        settings.arguments.emplace_back("--run.resume");
        job = std::make_unique<JobProcess>(settings);
        server = job->wait_until_serving();
      }
    }
    const std::string id = reply.body.at("id");
    const Answered given = post(server, "/v1/feedback",
                                {{"completion_id", i == 0 ? id : id + "/" + std::to_string(i)}, {"score", rewards[i]}});
    INFO(given.body.dump());
    REQUIRE(given.status == 200);
    turns.push_back({given.body.at("turns")[0].at("turn_id")});
  }
  REQUIRE(eventually([&] { return journal.turns_in(TurnState::trained).size() == 4; }));
  const auto steps = journal.steps(1, 100);
  REQUIRE(steps.size() == 1);
  REQUIRE(steps[0].samples.size() == 4);
  const auto wanted = group_advantages(rewards);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto sample = journal.samples(std::vector<SampleId>{{turns[i], 1}})[0];
    REQUIRE(sample.advantages.back() == static_cast<float>(wanted[i]));
  }
  job->stop();
  REQUIRE(job->wait() == 0);
  const auto problems = step_problems(journal);
  INFO(joined(problems));
  REQUIRE(problems.empty());
  workspace.done();
}

TEST_CASE("a session that ended in silence is judged, and what comes late counts") {
  Workspace workspace("late");
  const std::string out = workspace.path("run");
  const bool judge_silence = GENERATE(true, false);
  JobProcess job({.out = out,
                  .arguments = {"--session.idle_s=0.5", std::string("--session.judge_without_next_state=") +
                                                            (judge_silence ? "true" : "false")}});
  const ServerUrl server = job.wait_until_serving();
  const JournalReader journal(journal_of(out));
  const TurnId id = come_back_late(server, journal);
  const std::int32_t revision = judge_silence ? 1 : 0;
  REQUIRE(eventually([&] { return journal.verdict({id, revision}).has_value(); }));
  REQUIRE(journal.verdict({id, revision})->origin == (judge_silence ? "user" : "prm"));
  REQUIRE(journal.feedback_on(id).size() == (judge_silence ? 1U : 0U));
  if (judge_silence) REQUIRE(eventually([&] { return journal.verdict({id, 0}).has_value(); }));
  job.stop();
  REQUIRE(job.wait() == 0);
  workspace.done();
}

TEST_CASE("a conversation that ends without a word is a weak approval; in self-analysis no judge is loaded") {
  Workspace workspace("silence");
  const std::string out = workspace.path("run");
  JobProcess job({.out = out,
                  .arguments = {"--feedback.silence_weight=0.25", "--prm.evaluator=self", "--model.prm=no/such/judge",
                                "--prm.teacher=configs/models/policy"}});
  const ServerUrl server = job.wait_until_serving();
  for (const char* session : {"silent-0", "silent-1"}) ask(server, session, "X-Session-Done: true\r\n");
  const JournalReader journal(journal_of(out));
  REQUIRE(eventually([&] { return journal.turns_in(TurnState::trained).size() == 2; }));
  for (const TurnId id : journal.turns_in(TurnState::trained)) {
    const auto verdict = journal.newest_verdict(id);
    REQUIRE(verdict);
    REQUIRE(verdict->origin == "silence");
    REQUIRE(verdict->score == 1);
    REQUIRE(verdict->hints.empty());
    const auto sample = journal.samples(std::vector<SampleId>{{id, 0}})[0];
    REQUIRE(sample.advantages.back() == 0.25F);
  }
  job.stop();
  REQUIRE(job.wait() == 0);
  const auto problems = step_problems(journal);
  INFO(joined(problems));
  REQUIRE(problems.empty());
  workspace.done();
}

}  // namespace clawrl::test
