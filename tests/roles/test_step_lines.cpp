// Policy lines per user at the step desk: a step is of one line, a line counts for itself, and an erased user's goes.

#include "roles/step_run.hpp"
#include "samples/policy_lines.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

RunConfig per_user(std::int32_t batch, std::int32_t max_lines = 8) {
  RunConfig config = binary(batch);
  config.policy.lines = "user";
  config.policy.max_lines = max_lines;
  config.trainer.lora.rank = 4;
  return config;
}

std::string line_of(const std::string& user) {
  return policy_line({.lines = "user"}, "", user);
}

std::vector<SampleId> ids(const StepBatch& batch) {
  std::vector<SampleId> all;
  for (const TrainingSample& sample : batch.samples) all.push_back(sample.id);
  return all;
}

struct Users : Run {
  std::vector<std::string> dropped;
  explicit Users(const std::string& path, const RunConfig& settings) : Run(path, settings) {
    desk.on_line_dropped = [this](const std::string& line) { dropped.push_back(line); };
  }
  /// A judged turn of the user, sampled by the newest version of their line; what add() said.
  std::string says(const std::string& user) {
    Turn turn = answered_turn();
    turn.user = user;
    turn.completion.versions.assign(turn.completion.ids.size(), desk.lines().newest(line_of(user)));
    journal.save_turn(turn);
    const Verdict verdict = verdict_of(turn);
    journal.save_verdict(verdict);
    turns.push_back(turn.id);
    return desk.add(turn, verdict);
  }
  void say(const std::vector<std::string>& users) {
    for (const std::string& user : users) CHECK(says(user).empty());
  }
  /// The step that is sent now, on its first rank.
  StepBatch sent() {
    const auto all = next_step();
    REQUIRE(all.size() == 2);
    CHECK(all[0].message.batch.line == all[1].message.batch.line);
    return all[0].message.batch;
  }
  std::vector<TurnId> turns;
};

}  // namespace

TEST_CASE("a step trains the line of one user, and counts that line's steps and versions") {
  Folder folder;
  Users run(folder.file("journal.sqlite"), per_user(2));
  run.say({"mia", "bob", "bob", "mia", "bob", "bob"});
  struct Expected {
    std::string user;
    std::int64_t line_step, held;
  };
  std::int64_t step = 0;
  for (const Expected& expected : std::vector<Expected>{{"bob", 1, 0}, {"mia", 1, 0}, {"bob", 2, 1}}) {
    const StepBatch batch = run.sent();
    CHECK(batch.step == ++step);
    CHECK(batch.version == step);  // one sequence over all lines
    CHECK(batch.line == line_of(expected.user));
    CHECK(batch.line_step == expected.line_step);
    CHECK(batch.held_version == expected.held);
    run.finish(batch);
    CHECK(run.desk.line() == batch.line);
  }
  CHECK(run.desk.lines().newest(line_of("bob")) == 3);
  CHECK(run.desk.lines().newest(line_of("mia")) == 2);
  for (const StepRecord& record : run.journal.steps(1, 10))
    for (const SampleUse& use : record.samples) CHECK(line_of(run.journal.turn(use.id.turn)->user) == record.line);
  CHECK(run.done.at(2).metrics.staleness_max == 1);  // bob's own version 1, not mia's 2
}

TEST_CASE("many steps of others make no turn of a user stale") {
  Folder folder;
  RunConfig config = per_user(1);
  config.samples.max_staleness = config.samples.feedback_staleness = 1;
  Users run(folder.file("journal.sqlite"), config);
  run.say({"mia"});
  run.finish(run.sent());
  Turn early = run.answered_turn();
  early.user = "mia";
  for (int i = 0; i < 5; ++i) {
    run.say({"bob"});
    run.finish(run.sent());
  }
  CHECK(run.desk.version() == 6);
  CHECK(run.desk.refusal(early).empty());
  early.user = "bob";
  CHECK(run.desk.refusal(early) == "stale");
}

TEST_CASE("beyond policy.max_lines a user teaches nothing, and it is on record") {
  Folder folder;
  Users run(folder.file("journal.sqlite"), per_user(1, 2));
  run.say({"mia", "bob"});
  CHECK(run.says("eve") == "max_lines");
  run.say({"mia"});
  CHECK(run.run_steps() == 3);
  CHECK(run.journal.unused_samples().empty());
  CHECK(run.journal.samples_on(run.turns[2])[0].exclusion == "max_lines");
  run.desk.drop_line(line_of("bob"));
  run.say({"eve"});
  CHECK(run.run_steps() == 1);
}

TEST_CASE("a restart takes recorded steps of every line again, with the same learning rate and replay") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  RunConfig config = per_user(1);
  config.samples.replay = 1;
  std::vector<StepBatch> before;
  std::string lines;
  {
    Users run(path, config);
    run.say({"mia", "bob", "mia", "bob", "bob", "mia", "mia"});
    for (int step = 1; step <= 6; ++step) {
      before.push_back(run.sent());
      run.finish(before.back());
      if (step == 2) lines = run.desk.lines().text();  // a checkpoint
    }
  }
  Users run(path, config);
  run.desk.resume_from(2, 2, &run.journal, false, lines);
  run.desk.restore_waiting();
  CHECK(run.desk.dispatched().line == line_of("bob"));
  for (std::size_t step = 3; step <= 6; ++step) {
    const StepBatch again = run.sent();
    CHECK(again.version == before[step - 1].version);
    CHECK(again.line == before[step - 1].line);
    CHECK(again.line_step == before[step - 1].line_step);
    CHECK(again.held_version == before[step - 1].held_version);
    CHECK(ids(again) == ids(before[step - 1]));
    run.finish(again);
  }
  const StepBatch next = run.sent();  // the sample that waited, with one that mia's steps took
  CHECK(next.line == line_of("mia"));
  const StepRecord record = run.journal.steps(7, 7).at(0);
  REQUIRE(record.samples.size() == 2);
  CHECK(run.journal.turn(record.samples[1].id.turn)->user == "mia");
}

TEST_CASE("a dropped line goes when its step has ended, and a restart from before drops it again") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  std::string lines;
  {
    Users run(path, per_user(1));
    run.say({"mia", "bob"});
    for (int i = 0; i < 2; ++i) run.finish(run.sent());
    lines = run.desk.lines().text();
    run.say({"mia"});
    const StepBatch batch = run.sent();
    run.desk.drop_line(line_of("mia"));
    CHECK(run.mailbox.take<messages::DropLine>().empty());
    run.finish(batch);
    const auto drop = run.mailbox.take<messages::DropLine>();
    CHECK(ranks_of(drop) == std::vector<int>{0, 1});
    CHECK(drop[0].message.line == line_of("mia"));
    CHECK(run.dropped == std::vector<std::string>{line_of("mia")});
    CHECK_FALSE(run.desk.lines().contains(line_of("mia")));
    run.desk.drop_line(line_of("nobody"));
    CHECK(run.dropped.size() == 1);
    run.say({"mia"});  // comes back: a line of their own, from the start
    const StepBatch anew = run.sent();
    CHECK(anew.line_step == 1);
    CHECK(anew.held_version == 0);
  }
  Users run(path, per_user(1));
  run.desk.resume_from(2, 2, &run.journal, false, lines);
  CHECK(run.mailbox.take<messages::DropLine>().size() == 2);
  CHECK(run.desk.lines().names() == std::vector<std::string>{line_of("bob")});
}

TEST_CASE("a checkpoint with more lines than policy.max_lines is refused by name") {
  Folder folder;
  Users run(folder.file("journal.sqlite"), per_user(1, 1));
  CHECK_THROWS_WITH(run.desk.resume_from(2, 2, &run.journal, false, "a 1 1\nb 1 2\n"),
                    Catch::Contains("policy.max_lines = 1") && Catch::Contains("2 policy lines"));
}

TEST_CASE("with both a step of a user is on the shared line's learning rate, too, and ages no other user's turns") {
  Folder folder;
  RunConfig config = per_user(1, 1);
  config.policy.lines = "both";
  Users run(folder.file("journal.sqlite"), config);
  run.say({"mia", "bob", "bob", ""});  // bob is beyond policy.max_lines and teaches the shared line
  struct Expected {
    std::string line;
    std::optional<std::int64_t> line_step;  // none: that of all steps
  };
  std::int64_t step = 0;
  for (const Expected& expected :
       std::vector<Expected>{{line_of("mia"), 1}, {"main", {}}, {"main", {}}, {"main", {}}}) {
    const StepBatch batch = run.sent();
    CHECK(batch.step == ++step);
    CHECK(batch.line == expected.line);
    CHECK(batch.line_step == expected.line_step);
    run.finish(batch);
  }
  CHECK(run.desk.lines().age(line_of("mia"), 1) == 0);
  CHECK(run.desk.lines().steps("main") == 3);
  for (const StepRecord& record : run.journal.steps(1, 10)) CHECK(record.samples.size() == 1);  // once each
}

TEST_CASE("with both a line that goes out anew has a number of its own; what went out last has the next step's bits") {
  Folder folder;
  RunConfig config = per_user(1);
  config.policy.lines = "both";
  Users run(folder.file("journal.sqlite"), config);
  run.say({"mia", "bob", "mia", "bob"});
  const StepBatch first = run.sent();
  CHECK(first.line == line_of("mia"));
  CHECK_FALSE(run.desk.rebase(line_of("mia")).has_value());  // what the step makes goes out
  run.finish(first);
  CHECK(run.desk.rebase("main") == 2);
  const StepBatch second = run.sent();
  CHECK(second.version == 3);
  run.finish(second);
  const StepBatch third = run.sent();  // bob moved the shared part: no version has mia's bits
  CHECK(third.line == line_of("mia"));
  CHECK(third.held_version == -1);
  run.desk.pushed({3, line_of("bob")});  // so late that it has seen mia's step
  run.finish(third);
  const StepBatch fourth = run.sent();
  CHECK(fourth.held_version == 3);
  run.finish(fourth);
  CHECK(run.desk.rebase(line_of("bob")) == 6);
  run.desk.pushed({6, line_of("bob")});
  run.say({"bob"});
  CHECK(run.sent().held_version == 6);
}

TEST_CASE(
    "with both a restart takes recorded steps again under new numbers: the old ones may be known with other bits") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  RunConfig config = per_user(1);
  config.policy.lines = "both";
  std::string lines;
  {
    Users run(path, config);
    run.say({"mia", "bob", "mia"});
    for (int step = 1; step <= 3; ++step) {
      run.finish(run.sent());
      if (step == 1) lines = run.desk.lines().text();
    }
    run.journal.save_version({"main", 7, "", ""}, VersionEvent::made);
    REQUIRE(run.journal.sync(10s));
  }
  Users run(path, config);
  run.desk.resume_from(1, 1, &run.journal, false, lines);
  CHECK(run.desk.dispatched().line.empty());
  CHECK(run.desk.rebase(line_of("mia")) == 8);
  for (const std::int64_t version : {9, 10}) {
    const StepBatch again = run.sent();
    CHECK(again.version == version);
    run.finish(again);
  }
  CHECK(run.done.size() == 2);
  CHECK(run.desk.lines().steps(line_of("mia")) == 2);
  CHECK(run.journal.events(10).empty());
}
