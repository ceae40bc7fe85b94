// When checkpoints are begun, and that one is there or not.

#include <thread>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "roles/checkpoint_desk.hpp"
#include "roles/desk_support.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using namespace std::chrono_literals;

namespace {

struct Desk {
  Folder folder;
  std::string root = folder.file("checkpoints");
  RecordingMailbox mailbox;
  std::vector<std::string> lines;
  std::int64_t step = 0;
  CheckpointDesk desk;
  explicit Desk(CheckpointConfig config, std::vector<int> trainers = {0, 1})
      : desk(
            mailbox, config, root, std::move(trainers), [this] { return state(); },
            [this](const std::string& line) { lines.push_back(line); }) {}
  RunState state() const {
    RunState s;
    s.step = step;
    s.version.number = step;
    return s;
  }
  void finish_step(std::int64_t number, double now_s = 100) {
    step = number;
    desk.step_done(number, now_s);
  }
  std::vector<std::int64_t> begun() {
    std::vector<std::int64_t> steps;
    for (const auto& one : mailbox.take<messages::WriteCheckpoint>())
      if (one.rank == 0) steps.push_back(one.message.step);
    return steps;
  }
  /// What the trainers would do; `between` runs before the second one is done.
  void write_shards(
      std::int64_t number, const std::function<void()>& between = [] {}) {
    for (int rank : {0, 1}) {
      if (rank == 1) between();
      std::vector<float> values(10, static_cast<float>(rank));
      const ParameterView view{"tensor" + std::to_string(rank), DType::f32, {10}, values.data(), MemorySpace::host};
      desk.take({number, write_shard(root, number, rank, 2, {&view, 1}), ""});
    }
  }
  void wait() {
    for (int i = 0; i < 10000 && desk.busy(); ++i) {
      desk.tick();
      std::this_thread::sleep_for(1ms);
    }
    REQUIRE_FALSE(desk.busy());
  }
};

CheckpointConfig every(std::int64_t steps) {
  CheckpointConfig config;
  config.every_steps = steps;
  return config;
}

}  // namespace

TEST_CASE("shards of all trainers and the commit make a checkpoint that can be read") {
  Desk d(every(5));
  for (int step = 1; step <= 4; ++step) d.finish_step(step);
  CHECK(d.begun().empty());
  d.finish_step(5);
  CHECK(d.begun() == std::vector<std::int64_t>{5});
  CHECK(d.desk.busy());
  d.write_shards(5);
  d.wait();
  CHECK(d.desk.last_step() == 5);
  CHECK(d.desk.failed() == "");
  REQUIRE(d.lines.size() == 1);
  CHECK_THAT(d.lines[0], Catch::Matchers::Contains("step_00000005"));
  CHECK(open_checkpoint(d.root + "/step_00000005").state.step == 5);
}

TEST_CASE("by time") {
  CheckpointConfig config = every(0);
  config.every_minutes = 2;
  Desk d(config);
  d.finish_step(1, 1000);
  d.finish_step(2, 1100);
  CHECK(d.begun().empty());
  d.finish_step(3, 1121);
  CHECK(d.begun() == std::vector<std::int64_t>{3});
}

TEST_CASE("one that is due while another is written follows at the next step end") {
  Desk d(every(2));
  d.finish_step(2);
  CHECK(d.begun() == std::vector<std::int64_t>{2});
  d.finish_step(3);
  d.finish_step(4);  // due, but the disk is busy
  CHECK(d.begun().empty());
  d.write_shards(2);
  d.wait();
  d.finish_step(5);
  CHECK(d.begun() == std::vector<std::int64_t>{5});
  d.write_shards(5);
  d.wait();
  d.finish_step(7);
  CHECK(d.begun().empty());
}

TEST_CASE("a trainer's error gives the checkpoint up, the run goes on and the next one may succeed") {
  Desk d(every(1));
  d.finish_step(1);
  d.begun();
  d.desk.take({1, {}, "disk is full"});
  CHECK(d.desk.busy());  // the other trainer may still be writing
  d.desk.take({1, {}, ""});
  CHECK_FALSE(d.desk.busy());
  CHECK_THAT(d.desk.failed(), Catch::Matchers::Contains("disk is full"));
  CHECK(d.desk.last_step() == -1);
  CHECK_FALSE(std::filesystem::exists(d.root + "/step_00000001"));
  d.desk.take({1, {}, ""});  // too late: ignored

  d.finish_step(2);
  d.write_shards(2);
  d.wait();
  CHECK(d.desk.last_step() == 2);
  CHECK(d.desk.failed() == "");
}

TEST_CASE("a commit that fails leaves nothing that looks whole, and the run goes on") {
  Desk d(every(1));
  d.finish_step(1);
  d.write_shards(1, [&] { std::filesystem::remove(d.root + "/.tmp-step_00000001/shard_0_of_2.h5"); });
  d.wait();
  CHECK_THAT(d.desk.failed(), Catch::Matchers::Contains("step 1"));
  CHECK(list_checkpoints(d.root).empty());
  CHECK_FALSE(std::filesystem::exists(d.root + "/.tmp-step_00000001"));
  d.finish_step(2);
  d.write_shards(2);
  d.wait();
  CHECK(d.desk.last_step() == 2);
  CHECK(d.desk.failed() == "");
}

TEST_CASE("the checkpoint of a good version stays beside the newest ones") {
  CheckpointConfig config = every(1);
  config.keep_last = 1;
  Desk d(config);
  std::int64_t good = 0;
  d.desk.good_version = [&] { return good; };
  for (int step = 1; step <= 4; ++step) {
    if (step == 3) good = 2;
    d.finish_step(step);
    d.write_shards(step);
    d.wait();
  }
  std::vector<std::int64_t> kept;
  for (const CheckpointInfo& info : list_checkpoints(d.root)) kept.push_back(info.step);
  CHECK(kept == std::vector<std::int64_t>{2, 4});
}
