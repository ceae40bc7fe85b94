// The trainers' way back: when they are told, what goes out afterwards, and what happens when there is no way.

#include "roles/trainer_rollback.hpp"

#include "checkpoint/checkpoint_writer.hpp"
#include "roles/step_run.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct Rollback {
  explicit Rollback(const std::string& journal = "")
      : path(journal.empty() ? folder.file("journal.sqlite") : journal) {}
  Folder folder;
  std::string root = folder.file("checkpoints"), path;
  Run run{path, binary(2)};
  std::vector<std::string> lines;
  std::vector<std::int64_t> restored;
  int ended = 0;
  CheckpointDesk checkpoints{
      run.mailbox, CheckpointConfig{.keep_last = 9}, root,
      {0, 1},      [this] { return state(); },       [this](const std::string& line) { lines.push_back(line); }};
  TrainerRollback rollback{run.mailbox, run.journal, run.desk, checkpoints, root, {0, 1}, seams()};

  TrainerRollback::Seams seams() {
    TrainerRollback::Seams s;
    s.log = [this](const std::string& line) { lines.push_back(line); };
    s.restored = [this](const Checkpoint&, std::int64_t version) { restored.push_back(version); };
    s.ended = [this] { ++ended; };
    return s;
  }
  RunState state() const {
    RunState s;
    s.step = run.desk.step();
    s.version.number = run.desk.version();
    return s;
  }
  /// What the trainers do when they are told to write.
  void write_checkpoint() {
    const auto asked = run.mailbox.take<messages::WriteCheckpoint>();
    REQUIRE(asked.size() == 2);
    for (int rank : {0, 1}) {
      std::vector<float> values(10, static_cast<float>(rank));
      const ParameterView view{"tensor" + std::to_string(rank), DType::f32, {10}, values.data(), MemorySpace::host};
      checkpoints.take({asked[0].message.step, write_shard(root, asked[0].message.step, rank, 2, {&view, 1}), ""});
    }
    until([this] { return !checkpoints.busy(); });
  }
  void save() {
    checkpoints.begin();
    write_checkpoint();
  }
  void step() {
    run.judge(2);
    REQUIRE(run.run_steps() == 1);
  }
  template <class Done>
  void until(Done done) {
    for (int i = 0; i < 10000; ++i) {
      if (done()) return;
      rollback.tick(monotonic_s());
      checkpoints.tick();
      std::this_thread::sleep_for(1ms);
    }
    FAIL("it did not happen within ten seconds");
  }
  bool told(const std::string& part) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }
};

}  // namespace

TEST_CASE("every trainer goes back to the newest checkpoint that is not newer, between two steps") {
  Rollback r;
  r.save();
  for (int i = 0; i < 3; ++i) {
    r.step();
    r.save();
  }
  r.run.judge(2);
  const auto under_way = r.run.next_step();
  REQUIRE(under_way.size() == 2);
  r.rollback.begin(2);
  r.rollback.tick(monotonic_s());
  CHECK(r.run.mailbox.take<messages::Restore>().empty());  // not before the step has ended
  r.run.finish(under_way[0].message.batch);
  r.run.judge(2);
  std::vector<RecordingMailbox::Sent<messages::Restore>> told;
  r.until([&] { return !(told = r.run.mailbox.take<messages::Restore>()).empty(); });
  CHECK(told.size() == 2);
  CHECK(told[0].message.path.ends_with("step_00000002"));
  CHECK(r.run.next_step().empty());
  r.rollback.take(messages::Restored{"abc"});
  CHECK(r.restored == std::vector<std::int64_t>{5});
  CHECK(r.run.desk.step() == 4);
  CHECK(r.told("step_00000002: version 5, weights abc"));
  CHECK(r.run.next_step().empty());  // until a checkpoint has what they hold
  CHECK(r.ended == 0);
  r.write_checkpoint();
  r.until([&] { return !r.rollback.busy(); });
  const auto newest = load_newest(r.root);
  CHECK(newest->checkpoint.state.step == 4);
  CHECK(newest->checkpoint.state.version.number == 5);
  std::vector<std::int64_t> left;
  for (const CheckpointInfo& one : list_checkpoints(r.root)) left.push_back(one.step);
  CHECK(left == std::vector<std::int64_t>{0, 1, 2, 4});  // 3 was given up
  CHECK(r.run.next_step().size() == 2);
  CHECK(r.run.journal.steps(5, 5).at(0).version == 6);
}

TEST_CASE("a checkpoint of the step that was given up is replaced") {
  Rollback r;
  r.save();
  r.step();
  r.save();
  r.rollback.begin(0);
  r.until([&] { return !r.run.mailbox.take<messages::Restore>().empty(); });
  r.rollback.take(messages::Restored{"abc"});
  r.write_checkpoint();
  CHECK(list_checkpoints(r.root).size() == 2);
  CHECK(load_newest(r.root)->checkpoint.state.version.number == 2);
}

TEST_CASE("steps stand still until the checkpoint could be written") {
  Rollback r;
  r.save();
  r.step();
  r.rollback.begin(0);
  r.until([&] { return !r.run.mailbox.take<messages::Restore>().empty(); });
  r.rollback.take(messages::Restored{"abc"});
  CHECK(r.run.mailbox.take<messages::WriteCheckpoint>().size() == 2);
  for (int rank : {0, 1}) r.checkpoints.take({1, {}, rank == 0 ? "no space left" : ""});
  r.run.judge(2);
  CHECK(r.run.next_step().empty());
  r.rollback.tick(monotonic_s() + 1);
  CHECK(r.run.mailbox.take<messages::WriteCheckpoint>().empty());  // not at once
  r.rollback.tick(monotonic_s() + 20);
  CHECK(r.rollback.busy());
  r.write_checkpoint();
  r.until([&] { return !r.rollback.busy(); });
  CHECK(r.run.next_step().size() == 2);
}

TEST_CASE("a process that ends does not wait for a way back that the trainers do not know of") {
  Rollback r;
  r.save();
  r.run.judge(2);
  const auto under_way = r.run.next_step();
  r.rollback.begin(0);
  r.rollback.tick(monotonic_s());
  CHECK(r.rollback.busy());
  r.rollback.stop();
  CHECK_FALSE(r.rollback.busy());
  r.run.finish(under_way[0].message.batch);
  r.rollback.tick(monotonic_s());
  CHECK(r.run.mailbox.take<messages::Restore>().empty());
}

TEST_CASE("a process that ends does not wait for a disk that is full") {
  Rollback r;
  r.save();
  r.rollback.begin(0);
  r.until([&] { return !r.run.mailbox.take<messages::Restore>().empty(); });
  r.rollback.stop();
  CHECK(r.rollback.busy());  // the trainers are about to answer
  r.rollback.take(messages::Restored{"abc"});
  for (int rank : {0, 1}) r.checkpoints.take({0, {}, rank == 0 ? "no space left" : ""});
  r.rollback.tick(monotonic_s());
  CHECK_FALSE(r.rollback.busy());
}

TEST_CASE("recorded steps of a restart are taken first") {
  Folder folder;
  {
    Run before(folder.file("journal.sqlite"), binary(2));
    before.judge(4);
    CHECK(before.run_steps() == 2);
  }
  Rollback r(folder.file("journal.sqlite"));
  r.save();
  r.run.desk.resume_from(0, 0, &r.run.journal, false);
  r.rollback.begin(0);
  r.rollback.tick(monotonic_s());
  for (int step : {1, 2}) {
    CHECK(r.run.mailbox.take<messages::Restore>().empty());
    const auto again = r.run.next_step();
    REQUIRE(again.size() == 2);
    CHECK(again[0].message.batch.step == step);
    r.run.finish(again[0].message.batch);
    r.rollback.tick(monotonic_s());
  }
  r.until([&] { return !r.run.mailbox.take<messages::Restore>().empty(); });
}

TEST_CASE("without a way back the trainers stay as they are, and steps go on") {
  Rollback r;
  r.step();
  r.save();
  r.rollback.begin(0);
  r.until([&] { return !r.rollback.busy(); });
  CHECK(r.ended == 1);
  CHECK(r.told("holds no whole checkpoint of version 0 or before"));
  CHECK(r.run.desk.version() == 1);
  r.step();
}

TEST_CASE("trainers that do not answer are named") {
  Rollback r;
  r.save();
  r.rollback.begin(0);
  r.until([&] { return !r.run.mailbox.take<messages::Restore>().empty(); });
  CHECK_NOTHROW(r.rollback.tick(monotonic_s() + 200));
  CHECK_THROWS_WITH(r.rollback.tick(monotonic_s() + 400), Catch::Matchers::Contains("the trainers did not go back"));
}

TEST_CASE("an answer that nobody waits for changes nothing") {
  Rollback r;
  r.rollback.take(messages::Restored{"abc"});  // of a restart
  CHECK(r.restored.empty());
  CHECK_FALSE(r.rollback.busy());
}
