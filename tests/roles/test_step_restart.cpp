// Steps after a restart and in a replay: recorded ones are taken again first, from exactly their record.

#include "roles/step_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("a restart takes recorded steps again first, from exactly their record") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  RunConfig config = binary(3);
  config.run.deterministic = true;
  std::vector<messages::TakeStep> taken;
  {
    Run run(path, config);
    run.judge(11);
    for (int step = 0; step < 3; ++step) {
      const auto sent = run.next_step();
      for (const auto& one : sent) taken.push_back(one.message);
      if (step < 2) run.finish(sent[0].message.batch);  // the third dies in flight
    }
  }
  Run run(path, config);
  run.desk.resume_from(1, 1, &run.journal, false);  // from the checkpoint of step 1
  run.desk.restore_waiting();
  CHECK(run.desk.recorded_steps_left());
  CHECK(run.desk.waiting() == 2);
  for (int step = 2; step <= 3; ++step) {
    const auto again = run.next_step();
    REQUIRE(again.size() == 2);
    for (std::size_t rank = 0; rank < 2; ++rank) {
      const StepBatch& earlier = taken[2 * static_cast<std::size_t>(step - 1) + rank].batch;
      const StepBatch& now = again[rank].message.batch;
      CHECK(now.step == step);
      CHECK(now.version == earlier.version);
      CHECK(now.global_active_tokens == earlier.global_active_tokens);
      CHECK(pack(now.samples) == pack(earlier.samples));  // the same shard, the same bytes
    }
    run.finish(again[0].message.batch);
  }
  CHECK_FALSE(run.desk.recorded_steps_left());
  const auto steps = run.journal.steps(1, 100);
  CHECK(steps.size() == 3);
  CHECK(steps[1].times_finished == 2);
  run.judge(1);
  const auto next = run.next_step();
  REQUIRE(next.size() == 2);
  CHECK(next[0].message.batch.step == 4);
  CHECK(next[0].message.batch.version == 4);
}

TEST_CASE("steps taken again keep their version number only while the bits are the same") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  {
    Run run(path, binary(2));
    run.judge(6);
    run.run_steps();
  }
  Run run(path, binary(2));
  run.desk.resume_from(1, 1, &run.journal, false);
  run.desk.restore_waiting();
  const auto again = run.next_step();
  REQUIRE(again.size() == 2);
  CHECK(again[0].message.batch.step == 2);
  CHECK(again[0].message.batch.version == 2);
  run.finish(again[0].message.batch);
  CHECK(run.desk.version() == 2);
  const auto other = run.next_step();
  REQUIRE(other.size() == 2);
  CHECK(other[0].message.batch.version == 3);
  run.finish(other[0].message.batch, "other bits");
  CHECK(run.desk.version() == 4);
  CHECK(run.desk.dispatched_version() == 4);
}

TEST_CASE("a step that the trainers refused is on record, changes nothing and is not in the way") {
  Folder folder;
  Run run(folder.file("journal.sqlite"), binary(2));
  run.judge(4);
  const auto sent = run.next_step();
  messages::StepDone refused;
  refused.metrics.step = sent[0].message.batch.step;
  refused.weights_hash = "as before";
  refused.error = "the gradient is not finite";
  run.desk.take(refused);
  CHECK_FALSE(run.desk.busy());
  CHECK(run.desk.step() == 1);
  const auto events = run.journal.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == "step_refused");
  CHECK(run.next_step()[0].message.batch.step == 2);
}

TEST_CASE("resumed on another number of trainers a recorded step keeps its samples") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  std::multiset<SampleId> before;
  {
    Run run(path, binary(4));
    run.judge(4);
    before = ids_of(run.next_step());
  }
  Run run(path, binary(4), {0, 1, 2});
  run.desk.resume_from(0, 0, &run.journal, false);
  const auto again = run.next_step();
  CHECK(ranks_of(again) == std::vector<int>{0, 1, 2});
  CHECK(ids_of(again) == before);
}

TEST_CASE("a foreign journal's steps are replayed with its versions and audited, not accounted") {
  Folder folder;
  const std::string path = folder.file("source.sqlite");
  {
    Run run(path, binary(2));
    run.judge(4);
    run.run_steps();
  }
  const JournalReader source(path);
  Run run(folder.file("own.sqlite"), binary(2));
  run.desk.resume_from(0, 0, &source, true);
  CHECK(run.run_steps() == 2);
  CHECK_FALSE(run.desk.recorded_steps_left());
  CHECK(run.desk.version() == 2);
  CHECK(run.journal.steps(1, 100).empty());
  CHECK(run.journal.events().size() == 2);
}

TEST_CASE("a turn judged just before a crash is trained once after it") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  {
    Run run(path, binary(2));
    run.judge(1);  // its sample is saved
    const Turn turn = run.answered_turn();
    run.journal.save_turn(turn);
    run.journal.save_verdict(Run::verdict_of(turn));  // and here the process dies before desk.add()
  }
  Run run(path, binary(2));
  run.desk.resume_from(0, 0, &run.journal, false);
  run.desk.restore_waiting();
  CHECK(run.desk.waiting() == 2);
  const auto sent = run.next_step();
  CHECK(ids_of(sent).size() == 2);
  run.finish(sent[0].message.batch);
  CHECK(run.next_step().empty());
  CHECK(run.journal.turns_in(TurnState::trained).size() == 2);
}
