// Audits of a whole program: a run that is poisoned is held at the version that passed last and goes on serving it,
// also after a restart; its trainers go back to where it was sound, which ends the hold; a sound one is scored beside
// the service, as `evaluate` scores it afterwards.

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "audit/comparison.hpp"
#include "checkpoint/checkpoint_reader.hpp"
#include "demo/held_out_cases.hpp"
#include "frontend/openai_client.hpp"
#include "journal/journal.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/users.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;

void require_served(const std::vector<demo::ReplyRecord>& replies) {
  for (const auto& reply : replies) {
    INFO(reply.error);
    REQUIRE(reply.served);
    REQUIRE_FALSE(reply.cut);
  }
}

/// Sessions until the log says `text`, at most `limit` of them, each four when the ones before were learned from: a
/// fast machine serves all of them before the first is judged. Returns how many there were.
int hold_until(const JobProcess& job, const ServerUrl& server, const std::string& text, int limit) {
  int first = 0;
  for (; first < limit && job.log().find(text) == std::string::npos; first += 4) {
    require_served(hold(server, first, 4));
    wait_until_learned(server);
  }
  INFO(job.log());
  REQUIRE(job.log().find(text) != std::string::npos);
  return first;
}

std::string status(const ServerUrl& server) {
  std::this_thread::sleep_for(1s);  // the figures are renewed twice a second
  return OpenAiClient(server).get("/status").body;
}

JobSettings audited(const Workspace& workspace, std::vector<std::string> more) {
  const std::string cases = workspace.path("cases.jsonl");
  write_held_out(cases, demo::held_out_cases(12, 9));  // of three kinds
  more.push_back("--audit.heldout=" + cases);
  more.push_back("--audit.cases=12");
  more.push_back("--audit.patience_s=1");
  return {.out = workspace.path("run"), .arguments = std::move(more)};
}

/// Versions that computed tokens of turns after this one.
std::set<std::int64_t> versions_after(const JournalReader& journal, TurnId last) {
  std::set<std::int64_t> versions;
  for (const Turn& turn : all_turns(journal))
    if (turn.id > last) versions.insert(turn.completion.versions.begin(), turn.completion.versions.end());
  return versions;
}

TurnId last_turn(const JournalReader& journal) {
  const auto turns = all_turns(journal);
  return turns.empty() ? TurnId() : turns.back().id;
}

}  // namespace

TEST_CASE("a poisoned run is held: serving goes back to the version that passed and goes on, then the trainers do") {
  Workspace workspace("audits_poisoned");
  JobSettings settings =
      audited(workspace, {"--audit.every_versions=1", "--trainer.learning_rate=1", "--trainer.warmup_steps=0",
                          "--samples.batch=32"});  // a few sessions make no candidate
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    REQUIRE(job.wait_for("audit of version 0: accuracy"));
    const int first = hold_until(job, server, "serving goes back to version 0", 80);
    const JournalReader journal(journal_of(settings.out));
    const TurnId before = last_turn(journal);
    require_served(hold(server, first, 4));
    CHECK(versions_after(journal, before) == std::set<std::int64_t>{0});
    const std::string said = status(server);
    INFO(said);
    CHECK(status_number(said, "held_version") == 0);
    CHECK(status_number(said, "rollbacks") == 1);
    CHECK(status_number(said, "version") == 0);
    CHECK(said.find("failed its audit") != std::string::npos);
    CHECK(OpenAiClient(server).get("/metrics").body.find("clawrl_serving_held 1") != std::string::npos);
    job.stop();
    REQUIRE(job.wait() == 0);
    CHECK(job.ranks().empty());
  }
  const JournalReader journal(journal_of(settings.out));
  const auto problems = turn_problems(journal);
  INFO(joined(problems));
  CHECK(problems.empty());
  const auto audits = journal.audits();
  CHECK(std::count_if(audits.begin(), audits.end(), [](const auto& one) { return one.result == "reference"; }) == 10);
  CHECK(std::any_of(audits.begin(), audits.end(), [](const auto& one) { return one.result == "failed"; }));
  const auto events = journal.events(1000);
  CHECK(std::any_of(events.begin(), events.end(), [](const auto& one) { return one.kind == "audit_hold"; }));

  settings.arguments.push_back("--run.resume");
  JobProcess job(settings);
  const ServerUrl server = job.wait_until_serving();
  REQUIRE(job.log().find("serving is still held, now at version 0") != std::string::npos);
  const TurnId before = last_turn(journal);
  require_served(hold(server, 1000, 2));
  // The restored version is the first candidate and fails, so that the trainers go back to the start.
  REQUIRE(job.wait_for("the trainers went back to"));
  REQUIRE(job.wait_for("passed its audit and is announced"));
  const std::string said = status(server);
  INFO(job.log());
  CHECK(status_number(said, "trainer_rollbacks") == 1);
  CHECK(status_number(said, "held_version") == -1);
  const auto sound = static_cast<std::int64_t>(status_number(said, "version"));
  require_served(hold(server, 1010, 2));
  for (const std::int64_t version : versions_after(journal, before)) CHECK((version == 0 || version == sound));
  for (const AuditRecord& one : journal.audits())
    if (one.version == sound) CHECK(one.lost + one.gained == 0);  // it is version 0 again, to the bit
  job.stop();
  REQUIRE(job.wait() == 0);
  const auto newest = load_newest(settings.out + "/checkpoints");
  REQUIRE(newest);
  CHECK(newest->checkpoint.state.version.number >= sound);
  workspace.done();
}

TEST_CASE("a restart from before the trainers went back says so and is held; such a journal is not replayed") {
  Workspace workspace("audits_before");
  JobSettings settings =
      audited(workspace, {"--audit.every_versions=1", "--trainer.learning_rate=1", "--trainer.warmup_steps=0"});
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    REQUIRE(job.wait_for("audit of version 0: accuracy"));
    hold_until(job, server, "the trainers went back to", 80);
    job.stop();
    REQUIRE(job.wait() == 0);
  }
  for (const CheckpointInfo& one : list_checkpoints(checkpoints_of(settings.out)))
    if (one.step > 0) std::filesystem::remove_all(one.path);
  Journal(journal_of(settings.out)).put("audit_hold", "");  // as if the newest version had passed
  settings.arguments.push_back("--run.resume");
  {
    JobProcess job(settings);
    job.wait_until_serving();
    CHECK(job.log().find("is from before the trainers went back after step") != std::string::npos);
    CHECK(job.log().find("serving is still held, now at version 0") != std::string::npos);
    job.stop();
    REQUIRE(job.wait() == 0);
  }
  JobProcess replay({.out = workspace.path("replay"), .arguments = {"--run.replay=" + journal_of(settings.out)}});
  CHECK(replay.wait() != 0);
  CHECK(replay.log().find("its trainers went back to a checkpoint, which no journal holds") != std::string::npos);
  workspace.done();
}

TEST_CASE("a sound run is audited beside the service, with the scores that evaluate finds afterwards") {
  Workspace workspace("audits_sound");
  const JobSettings settings = audited(workspace, {"--audit.every_versions=1", "--audit.margin=1"});  // never held
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    REQUIRE(job.log().find("audits leave out 24 judged turns: prm.evaluator = judge") != std::string::npos);
    hold_until(job, server, "step 2 version", 80);
    wait_until_learned(server);  // then the newest version has been audited, and the last checkpoint is of it
    const std::string said = status(server);
    INFO(said);
    CHECK(status_number(said, "held_version") == -1);
    CHECK(status_number(said, "audit_version") == status_number(said, "version"));
    job.stop();
    REQUIRE(job.wait() == 0);
  }
  const auto online = JournalReader(journal_of(settings.out)).audits();
  REQUIRE(online.size() >= 20);
  REQUIRE(std::none_of(online.begin(), online.end(), [](const auto& one) { return one.set.starts_with("judge"); }));
  const std::string command = std::string(CLAWRL_EVALUATE) + " --evaluate.heldout=" + workspace.path("cases.jsonl") +
                              " --evaluate.count=12 --evaluate.seed=1 --evaluate.margin=1 --rollout.max_tokens=48" +
                              " --model.policy=" CLAWRL_SOURCE_DIR
                              "/configs/models/policy --model.prm=" CLAWRL_SOURCE_DIR
                              "/configs/models/prm --evaluate.checkpoint=" +
                              list_checkpoints(checkpoints_of(settings.out)).back().path +
                              " --evaluate.run=" + settings.out + " > " + workspace.path("evaluate.log");
  REQUIRE(WEXITSTATUS(std::system(command.c_str())) == 0);
  const auto all = JournalReader(journal_of(settings.out)).audits();
  REQUIRE(all.size() == online.size() + 24);
  for (std::size_t i = online.size(); i < all.size(); ++i) {  // twelve sets of the reference, and of the newest version
    const AuditRecord& after = all[i];
    INFO("version " << after.version << ", set " << after.set);
    CHECK(after.source == "evaluate");
    if (after.set.starts_with("judge")) {  // the judge's verdicts and losses, the same for every version
      CHECK(after.cases == 12);
      CHECK(after.passed >= 10);
      CHECK(after.loss < 0.5);
      CHECK(after.lost + after.gained == 0);
      continue;
    }
    const auto found = std::find_if(online.rbegin(), online.rend(), [&](const AuditRecord& one) {
      return one.version == after.version && one.set == after.set;
    });
    REQUIRE(found != online.rend());
    const AuditRecord& before = *found;
    CHECK(before.source == "online_rl");
    CHECK(after.cases == 12);
    CHECK(after.passed == before.passed);
    CHECK(after.lost == before.lost);
    CHECK(after.loss == Approx(before.loss).margin(1e-4));
    CHECK(after.result == before.result);
  }
  workspace.done();
}

TEST_CASE("a policy that judges for itself is held when it forgets how, by the scores that evaluate finds") {
  Workspace workspace("audits_self");
  const std::string file = workspace.path("judge.jsonl"), model = CLAWRL_SOURCE_DIR "/configs/models/prm";
  std::vector<HeldOutCase> cases = demo::held_out_cases(4, 9);
  std::erase_if(cases, [](const HeldOutCase& one) { return !one.judged; });
  write_held_out(file, cases);
  const JobSettings settings{
      .out = workspace.path("run"),
      .arguments = {"--model.policy=" + model, "--model.prm=no/such/judge", "--prm.evaluator=self",
                    "--audit.heldout=" + file, "--audit.cases=12", "--audit.every_versions=1", "--audit.patience_s=1",
                    "--trainer.learning_rate=1", "--trainer.warmup_steps=0"}};
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    hold_until(job, server, "serving goes back to version 0", 80);
    job.stop();
    REQUIRE(job.wait() == 0);
  }
  const auto audits = JournalReader(journal_of(settings.out)).audits();
  REQUIRE(audits.size() >= 2);
  CHECK(std::all_of(audits.begin(), audits.end(), [](const auto& one) { return one.set.starts_with("judge"); }));
  CHECK(audits[0].result == "reference");
  CHECK(audits[0].cases == 12);
  CHECK(audits[0].passed >= 9);
  CHECK(audits[1].set == "judge_loss");
  CHECK(audits[1].loss < 0.5);
  CHECK(std::any_of(audits.begin(), audits.end(), [](const auto& one) { return one.result == "failed"; }));

  const std::string log = workspace.path("evaluate.log");
  const std::string command = std::string(CLAWRL_EVALUATE) + " --evaluate.heldout=" + file +
                              " --evaluate.count=12 --evaluate.seed=1 --prm.evaluator=self --model.policy=" + model +
                              " > " + log;
  REQUIRE(WEXITSTATUS(std::system(command.c_str())) == 0);
  std::stringstream said;
  said << std::ifstream(log).rdbuf();
  INFO(said.str());
  CHECK(said.str().find(": " + to_text({audits[0], audits[1]}) + "\n") != std::string::npos);
  workspace.done();
}

}  // namespace clawrl::test
