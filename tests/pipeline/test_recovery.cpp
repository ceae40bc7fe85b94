// Deterministic runs that are interrupted in every way still end with the same bits, and no sample is lost or used
// twice. One live run, killed and resumed, makes the journal that all replays here are compared with.

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "checkpoint/checkpoint_reader.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/live_run.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Made once, by the first test that asks for it.
LiveRun& live_run() {
  static std::unique_ptr<LiveRun> run;
  static bool tried = false;
  if (!run && tried) FAIL("there is no live run to compare with");
  tried = true;
  if (!run) run = std::make_unique<LiveRun>();
  return *run;
}

/// The ranks parted in order: no mailbox was left waiting for another.
bool parted(const JobProcess& job) {
  return job.ranks().empty() && job.log().find("goodbye") == std::string::npos;
}

void check_same_bits(const LiveRun& live, const std::string& name) {
  const std::string out = live.workspace.path(name);
  const auto replayed = replayed_hashes(JournalReader(journal_of(out)));
  for (const auto& [step, hash] : live.hashes) {
    INFO(name << ", step " << step);
    REQUIRE(replayed.contains(step));
    REQUIRE(replayed.at(step) == hash);
  }
  REQUIRE(replayed.size() == live.hashes.size());
  const auto tensors = newest_tensors(checkpoints_of(out));
  REQUIRE(tensors.size() > 10);
  REQUIRE((tensors == live.tensors));
}

/// At the end of each test: with the last one the folder goes.
void passed() {
  if (++live_run().compared == 5) live_run().workspace.done();
}

/// Starts the replay and lets `interrupt` end it once step 5 is done; then resumes it to its end.
template <class Interrupt>
void replay_interrupted(const std::string& name, Interrupt interrupt) {
  LiveRun& live = live_run();
  {
    JobProcess job(live.replay(name));
    REQUIRE(job.wait_for("step 5 "));
    interrupt(job);
    REQUIRE(job.ranks().empty());
    REQUIRE(job.log().find(live.last_step()) == std::string::npos);  // else nothing was interrupted
  }
  const bool has_checkpoint = !list_checkpoints(checkpoints_of(live.workspace.path(name))).empty();
  JobProcess job(live.replay(name, {"--run.resume"}));
  REQUIRE(job.wait() == 0);
  REQUIRE(parted(job));
  REQUIRE((job.log().find("resumed from") != std::string::npos) == has_checkpoint);
  check_same_bits(live, name);
  passed();
}

void damage(const std::string& folder) {
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(folder))
    if (largest.empty() || fs::file_size(entry) > fs::file_size(largest)) largest = entry.path();
  std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(fs::file_size(largest) / 2);
  file.seekg(middle);
  const char byte = static_cast<char>(file.get() ^ 0x40);
  file.seekp(middle);
  file.put(byte);
}

/// A file system of a given size; unmounted at the end.
class SmallDisk {
 public:
  SmallDisk(std::string at, const std::string& size) : at_(std::move(at)) {
    fs::create_directories(at_);
    mounted_ = mount("tmpfs", at_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string at_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("a live run, killed and resumed, goes on; its journal replays to the same bits") {
  LiveRun& live = live_run();
  JobProcess job(live.replay("whole"));
  REQUIRE(job.wait() == 0);
  REQUIRE(parted(job));
  check_same_bits(live, "whole");
  passed();
}

TEST_CASE("a replay told to stop in the middle resumes to the same bits") {
  replay_interrupted("stopped", [](JobProcess& job) {
    job.terminate_ranks();
    REQUIRE(job.wait() == 0);
  });
}

TEST_CASE("a replay whose head is killed in the middle ends, and resumes to the same bits") {
  replay_interrupted("killed", [](JobProcess& job) {
    job.kill_rank(0);
    REQUIRE(job.wait(20s) != 0);
  });
}

TEST_CASE("a damaged newest checkpoint: the one before is used, or the start refused when strict") {
  LiveRun& live = live_run();
  const std::string out = live.workspace.path("damaged");
  fs::copy(live.workspace.path("whole"), out, fs::copy_options::recursive);
  const auto checkpoints = list_checkpoints(checkpoints_of(out));
  REQUIRE(checkpoints.size() >= 2);
  damage(checkpoints.back().path);
  JobProcess strict(live.replay("damaged", {"--run.resume", "--checkpoint.strict"}));
  REQUIRE(strict.wait(30s) != 0);
  REQUIRE(strict.ranks().empty());
  REQUIRE(strict.log().find(checkpoints.back().path) != std::string::npos);
  JobProcess lenient(live.replay("damaged", {"--run.resume"}));
  REQUIRE(lenient.wait() == 0);
  REQUIRE(lenient.log().find("warning: " + checkpoints.back().path) != std::string::npos);
  REQUIRE(lenient.log().find("resumed from " + checkpoints[checkpoints.size() - 2].path + ",") != std::string::npos);
  check_same_bits(live, "damaged");
  passed();
}

TEST_CASE("a full disk: the run goes on without checkpoints and says so at the end") {
  LiveRun& live = live_run();
  const std::string out = live.workspace.path("full");
  const SmallDisk disk(checkpoints_of(out), "24m");  // room for one checkpoint
  if (!disk.mounted()) {
    std::cout << "SKIPPED: full disk: mounting a small tmpfs needs root" << std::endl;
    return passed();
  }
  JobProcess job(live.replay("full", {"--checkpoint.every_steps=3"}));
  REQUIRE(job.wait() == 1);
  REQUIRE(parted(job));
  REQUIRE(job.log().find(live.last_step()) != std::string::npos);
  REQUIRE(job.log().find("failed: " + checkpoints_of(out)) != std::string::npos);
  const auto problems = checkpoint_problems(checkpoints_of(out), 3);  // the first one, whole; no trace of the others
  INFO(joined(problems));
  REQUIRE(problems.empty());
  passed();
}

}  // namespace clawrl::test
