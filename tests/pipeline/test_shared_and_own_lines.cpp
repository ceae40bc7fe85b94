// policy.lines = both: two users who want the contrary of each other, each with a line on top of the shared one.

#include <algorithm>

#include "pipeline/two_users.hpp"

namespace clawrl::test {
namespace {

const std::vector<std::string> both = {"--policy.lines=both", "--trainer.lora_rank=8", "--samples.max_staleness=1000",
                                       "--session.idle_s=600"};

std::map<std::int64_t, std::string> line_of_versions(const JournalReader& journal) {
  std::map<std::int64_t, std::string> line;
  for (const VersionRecord& record : journal.versions()) line[record.version.number] = record.version.line;
  return line;
}

/// A turn speaks with its user's line or the shared one and teaches its user's.
std::vector<std::string> line_problems(const JournalReader& journal) {
  std::vector<std::string> problems;
  auto line_of = line_of_versions(journal);
  const PolicyConfig config{.lines = "both"};
  for (const Turn& turn : all_turns(journal))
    for (const std::int64_t version : turn.completion.versions)
      if (version != 0 && line_of[version] != shared_line && line_of[version] != policy_line(config, turn))
        problems.push_back("turn " + std::to_string(turn.id.value) + " was answered by another user's line");
  for (const StepRecord& step : journal.steps(1, every))
    for (const SampleUse& use : step.samples)
      if (const auto turn = journal.turn(use.id.turn); turn && policy_line(config, *turn) != step.line)  // none: erased
        problems.push_back("step " + std::to_string(step.step) + " holds a sample of another line");
  return problems;
}

/// Versions that no step made, as which the line went out anew and answered.
std::set<std::int64_t> rebased_and_used(const JournalReader& journal, const std::string& line) {
  auto line_of = line_of_versions(journal);
  std::set<std::int64_t> used;
  for (const Turn& turn : all_turns(journal))
    for (const std::int64_t version : turn.completion.versions)
      if (line_of[version] == line) used.insert(version);
  for (const StepRecord& step : journal.steps(1, every)) used.erase(step.metrics.version);
  return used;
}

/// Some weights of a line's part are not what every part begins with.
bool moved(const std::map<std::string, std::vector<char>>& tensors, const std::string& line) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const auto& tensor) {
    const auto& [name, bytes] = tensor;
    return line_of_tensor(name) == line && name.find("adam.") == std::string::npos && name.ends_with("lora_B.weight") &&
           std::any_of(bytes.begin(), bytes.end(), [](char c) { return c != 0; });
  });
}

std::set<std::int64_t> versions_of(const JournalReader& journal, const std::string& user) {
  std::set<std::int64_t> versions;
  for (const Turn& turn : all_turns(journal))
    if (turn.user == user) versions.insert(turn.completion.versions.begin(), turn.completion.versions.end());
  return versions;
}

void ask_as(const ServerUrl& server, const std::string& user) {
  RawClient client(server.port);
  const std::string body =
      R"({"model":"clawrl-demo","max_tokens":4,"messages":[{"role":"user","content":"Name a colour."}],"user":")" +
      user + "\"}";
  REQUIRE(client.send(http_post(body, "Connection: close\r\n")));
  client.read_to_end();
  REQUIRE(status_of(client.received) == 200);
}

/// The user's line goes out anew, and what it then says is learned from before anything else moves.
void teach_alone(const ServerUrl& server, const std::string& user, int first) {
  wait_until_learned(server);
  ask_as(server, user);
  wait_until_learned(server);
  auto users = users_of(server);
  users.personas = {&demo::find_persona(user)};
  demo::hold_sessions(users, first, 8, [](const auto&) {});
  wait_until_learned(server);
}

}  // namespace

TEST_CASE("two users on a shared line: all parts learn, through a crash, and a replay comes to the same bits") {
  Workspace workspace("stacked_lines");
  const std::string out = workspace.path("run");
  teach_and_crash(out, both);
  const JournalReader journal(journal_of(out));
  const auto before = step_hashes(journal);
  {
    JobProcess job({.out = out, .arguments = with(both, {"--run.resume"})});
    const ServerUrl server = job.wait_until_serving();
    teach(server, journal, 1000, 6);
    teach_alone(server, "student", 2000);
    teach_alone(server, "contrarian", 3000);
    ask_as(server, "eve");
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

  // step_problems() has compared trainer and sampler on tokens of one pair of parts; here: that there were such.
  std::map<std::string, std::int64_t> compared;
  for (const StepRecord& step : journal.steps(1, every)) compared[step.line] += step.metrics.gap_tokens;
  for (const std::string& line : {student, contrarian}) {
    CHECK(compared[line] > 0);
    CHECK_FALSE(rebased_and_used(journal, line).empty());
  }
  for (const std::int64_t version : versions_of(journal, "eve")) {
    CHECK(version > 0);
    CHECK(line_of_versions(journal)[version] == shared_line);
  }

  const auto tensors = newest_tensors(checkpoints_of(out));
  REQUIRE(lines_in(tensors) == std::set<std::string>{student, contrarian});
  for (const std::string& line : {student, contrarian, shared_line}) CHECK(moved(tensors, line));
  JobProcess replay({.out = workspace.path("replay"), .arguments = with(both, {"--run.replay=" + journal_of(out)})});
  REQUIRE(replay.wait() == 0);
  REQUIRE(replayed_hashes(JournalReader(journal_of(workspace.path("replay")))) == hashes);
  REQUIRE((newest_tensors(checkpoints_of(workspace.path("replay"))) == tensors));
  workspace.done();
}

TEST_CASE("on a shared line, too, users who want the contrary of each other move apart, each towards their wishes") {
  check_contraries("stacked_contrary", both);
}

TEST_CASE("an erased user's part goes, and the shared line answers them") {
  Workspace workspace("stacked_erased");
  const std::string out = workspace.path("run");
  JobProcess job({.out = out, .arguments = with(both, {"--checkpoint.every_steps=1"})});
  const ServerUrl server = job.wait_until_serving();
  const JournalReader journal(journal_of(out));
  teach(server, journal, 0, 1);
  erase_contrarian(server);
  for (int i = 0; i < 2; ++i) ask_as(server, "contrarian");
  const std::int64_t step = journal.last_planned_step();  // the student goes on, so that there is a new checkpoint
  for (int first = 5000; first < 5040 && journal.last_planned_step() == step; first += 8)
    teach_alone(server, "student", first);
  job.stop();
  REQUIRE(job.wait() == 0);
  for (const std::int64_t version : versions_of(journal, "contrarian")) {
    CHECK(version > 0);
    CHECK(line_of_versions(journal)[version] == shared_line);
  }
  const auto tensors = newest_tensors(checkpoints_of(out));
  REQUIRE(lines_in(tensors) == std::set<std::string>{student});
  CHECK(moved(tensors, shared_line));
  workspace.done();
}

}  // namespace clawrl::test
