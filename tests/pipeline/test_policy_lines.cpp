// Two users who want the contrary of each other, each with a policy line of their own: a whole run, its restart and its
// replays.

#include "journal/journal.hpp"
#include "pipeline/two_users.hpp"

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> per_user = {"--policy.lines=user", "--trainer.lora_rank=8",
                                           "--samples.max_staleness=1000", "--session.idle_s=600"};

/// Step -> hash of the weights of the line that it trained.
std::map<std::int64_t, std::string> of_line(const std::map<std::int64_t, std::string>& hashes,
                                            const JournalReader& journal, const std::string& line) {
  std::map<std::int64_t, std::string> own;
  for (const StepRecord& step : journal.steps(1, every))
    if (step.line == line && hashes.contains(step.step)) own[step.step] = hashes.at(step.step);
  return own;
}

std::vector<std::string> line_problems(const JournalReader& journal) {
  std::vector<std::string> problems;
  std::map<std::int64_t, std::string> line_of;  // version -> line
  for (const VersionRecord& record : journal.versions()) line_of[record.version.number] = record.version.line;
  const PolicyConfig config{.lines = "user"};
  for (const Turn& turn : all_turns(journal))
    for (const std::int64_t version : turn.completion.versions)
      if (version != 0 && line_of[version] != policy_line(config, turn))
        problems.push_back("turn " + std::to_string(turn.id.value) + " was answered by another line");
  for (const StepRecord& step : journal.steps(1, every))
    for (const SampleUse& use : step.samples)
      if (const auto turn = journal.turn(use.id.turn); turn && policy_line(config, *turn) != step.line)  // none: erased
        problems.push_back("step " + std::to_string(step.step) + " holds a sample of another line");
  return problems;
}

std::map<std::int64_t, std::string> replay(const std::string& journal, const std::string& out) {
  JobProcess job({.out = out, .arguments = with(per_user, {"--run.replay=" + journal})});
  REQUIRE(job.wait() == 0);
  return replayed_hashes(JournalReader(journal_of(out)));
}

}  // namespace

TEST_CASE("users who want the contrary of each other move apart, each towards their wishes") {
  check_contraries("contrary", per_user);
}

TEST_CASE("two users, two lines: apart in the whole run, after a crash, and when one of them never was") {
  Workspace workspace("policy_lines");
  const std::string out = workspace.path("run");
  teach_and_crash(out, per_user);
  const JournalReader journal(journal_of(out));
  const auto before = step_hashes(journal);
  {
    JobProcess job({.out = out, .arguments = with(per_user, {"--run.resume"})});
    const ServerUrl server = job.wait_until_serving();
    teach(server, journal, 1000, 6);
    job.stop();
    REQUIRE(job.wait() == 0);
  }
  const auto hashes = step_hashes(journal);
  for (const auto& [step, hash] : before) REQUIRE(hashes.at(step) == hash);
  for (const EventRecord& event : journal.events(10'000)) REQUIRE(event.kind != "step_differs");
  for (const auto& problems : {turn_problems(journal), step_problems(journal), line_problems(journal),
                               checkpoint_problems(checkpoints_of(out), journal.summary().last_step)}) {
    INFO(joined(problems));
    REQUIRE(problems.empty());
  }
  const auto tensors = newest_tensors(checkpoints_of(out));
  REQUIRE(lines_in(tensors) == std::set<std::string>{student, contrarian});

  REQUIRE(replay(journal_of(out), workspace.path("whole")) == hashes);
  REQUIRE((newest_tensors(checkpoints_of(workspace.path("whole"))) == tensors));

  // The contrarian's data is taken out of a copy: the student's weights must not show that it ever was there.
  const std::string copy = workspace.path("alone.sqlite");
  journal.snapshot(copy);
  {
    Journal alone(copy);
    TurnSelection gone;
    gone.user = "contrarian";
    alone.erase_turns(alone.select_turns(gone), std::make_shared<ErasedRows>());
    REQUIRE(alone.sync(20s));
  }
  const auto own = of_line(hashes, journal, student);
  REQUIRE(own.size() >= 6);
  REQUIRE(replay(copy, workspace.path("alone")) == own);
  auto alone = newest_tensors(checkpoints_of(workspace.path("alone")));
  REQUIRE(lines_in(alone) == std::set<std::string>{student});
  for (const auto& [name, bytes] : alone) REQUIRE((tensors.at(name) == bytes));
  workspace.done();
}

TEST_CASE("an erased user's line goes from trainers, samplers and checkpoints") {
  Workspace workspace("erased_line");
  const std::string out = workspace.path("run");
  const JobSettings settings{.out = out, .arguments = with(per_user, {"--run.resume", "--checkpoint.every_steps=1"})};
  const JournalReader* journal = nullptr;
  std::unique_ptr<JournalReader> reader;
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    reader = std::make_unique<JournalReader>(journal_of(out));
    journal = reader.get();
    teach(server, *journal, 0, 1);
    erase_contrarian(server);
    job.kill_all_ranks();  // the newest checkpoint is from before the erasure
    job.wait(20s);
  }
  REQUIRE(lines_in(newest_tensors(checkpoints_of(out))).contains(contrarian));
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    const auto asked = demo::ask_tasks(users_of(server), users_of(server).personas, 1);
    for (const auto& reply : asked) REQUIRE(reply.served);
    auto again = users_of(server);  // the student goes on, so that there is a new checkpoint
    again.personas.pop_back();
    const std::int64_t step = journal->last_planned_step();
    for (int first = 5000; first < 5040 && journal->last_planned_step() == step; first += 8) {
      demo::hold_sessions(again, first, 8, [](const auto&) {});
      wait_until_learned(server);
    }
    job.stop();
    REQUIRE(job.wait() == 0);
  }
  std::set<std::int64_t> versions;
  for (const Turn& turn : all_turns(*journal))
    if (turn.user == "contrarian") versions.insert(turn.completion.versions.begin(), turn.completion.versions.end());
  REQUIRE(versions == std::set<std::int64_t>{0});  // of what came after the erasure
  REQUIRE(lines_in(newest_tensors(checkpoints_of(out))) == std::set<std::string>{student});
  const auto problems = line_problems(*journal);
  INFO(joined(problems));
  REQUIRE(problems.empty());
  workspace.done();
}

}  // namespace clawrl::test
