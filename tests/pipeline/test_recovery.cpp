// Deterministic runs that are interrupted in every way still end with the same bits, and no sample is lost or used
// twice. One live run, killed and resumed, makes the journal that all replays here are compared with.

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <thread>

#include "checkpoint/checkpoint_reader.hpp"
#include "frontend/openai_client.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::int64_t every = INT64_MAX;

std::vector<demo::ReplyRecord> hold(const ServerUrl& server, int first, int count, std::uint64_t seed) {
  demo::UserSettings users;
  users.server = server;
  users.users = 4;
  users.think_s = 0;
  users.silent = 0;
  users.max_tokens = 48;
  users.seed = seed;
  return demo::hold_sessions(users, first, count, [](const demo::ReplyRecord&) {});
}

/// A student who writes once before the crash and again after it.
class Survivor {
 public:
  explicit Survivor() : student_(77, demo::Split::held_out, 0) {
    options_.model = "clawrl-demo";
    options_.session = "survivor";
    options_.turn_type = TurnType::main;
    options_.max_tokens = 32;
  }
  void write(const ServerUrl& server) {
    const ChatReply reply = OpenAiClient(server, 60s).chat(student_.messages(), options_);
    INFO(reply.error.message);
    REQUIRE(reply.ok());
    student_.take_reply(reply.text);
  }

 private:
  demo::StudentSession student_;
  ChatOptions options_;
};

/// What the journal says right after a crash.
struct Crash {
  std::map<std::int64_t, std::string> hashes;
  std::vector<SampleId> unused;
  std::vector<TurnId> judging;
  std::vector<StepRecord> steps;
  std::int64_t checkpoint = 0;
};

Crash look_at(const std::string& out) {
  const JournalReader journal(journal_of(out));
  Crash crash;
  crash.hashes = step_hashes(journal);
  for (const TrainingSample& sample : journal.unused_samples()) crash.unused.push_back(sample.id);
  crash.judging = journal.turns_in(TurnState::judging);
  crash.steps = journal.steps(1, every);
  const auto checkpoints = list_checkpoints(checkpoints_of(out));
  if (!checkpoints.empty()) crash.checkpoint = checkpoints.back().step;
  return crash;
}

Crash run_until_killed(const std::string& out, Survivor& survivor) {
  JobProcess job({.out = out});
  const ServerUrl server = job.wait_until_serving();
  survivor.write(server);
  std::thread students([&] { hold(server, 0, 200, 3); });  // cut off by the kill
  const bool learning = job.wait_for("checkpoint " + checkpoints_of(out) + "/step_00000004") && job.wait_for("step 7 ");
  job.kill_all_ranks();
  students.join();
  REQUIRE(learning);
  REQUIRE(job.wait(20s) != 0);
  REQUIRE(job.ranks().empty());
  return look_at(out);
}

/// Nothing is being judged and fewer samples wait than a step takes.
void wait_until_all_is_learned(const ServerUrl& server) {
  OpenAiClient client(server, 10s);
  for (int i = 0; i < 60; ++i) {
    std::this_thread::sleep_for(1s);  // the figures are renewed twice a second
    const std::string status = client.get("/status").body;
    if (status_number(status, "judging") == 0 && status_number(status, "samples_waiting") < 2) return;
  }
  FAIL("turns are still waiting after a minute");
}

void resume_and_finish(const std::string& out, Survivor& survivor, const Crash& crash) {
  JobProcess job({.out = out, .arguments = {"--run.resume"}});
  const ServerUrl server = job.wait_until_serving();
  survivor.write(server);
  for (const auto& reply : hold(server, 0, 8, 4)) REQUIRE(reply.served);
  REQUIRE(job.wait_for("step " + std::to_string(crash.steps.size() + 4) + " "));
  wait_until_all_is_learned(server);
  job.stop();
  REQUIRE(job.wait() == 0);
  REQUIRE(job.log().find("resumed from") != std::string::npos);
}

void check_continuity(const JournalReader& journal, const Crash& crash) {
  const auto steps = journal.steps(1, every);
  for (const StepRecord& before : crash.steps) {
    const StepRecord& after = steps.at(static_cast<std::size_t>(before.step - 1));
    INFO("step " << before.step);
    REQUIRE(after.samples == before.samples);
    REQUIRE(after.finished());
    if (before.finished()) REQUIRE(after.weights_hash == before.weights_hash);
    if (before.finished() && before.step > crash.checkpoint) REQUIRE(after.times_finished == 2);
  }
  for (const EventRecord& event : journal.events(10'000)) REQUIRE(event.kind != "step_differs");
  std::set<SampleId> fresh;
  for (const StepRecord& step : steps)
    for (const SampleUse& use : step.samples)
      if (!use.replayed) fresh.insert(use.id);
  for (SampleId id : crash.unused) {
    INFO("turn " << id.turn.value << " waited for a step when the run was killed");
    REQUIRE(fresh.contains(id));
  }
  for (TurnId id : crash.judging) {
    INFO("turn " << id.value << " was being judged when the run was killed");
    REQUIRE(journal.newest_verdict(id));
  }
  REQUIRE(journal.newest_verdict(journal.turns_of("survivor").at(0)));
}

/// The live run: made once, by the first test that asks for it.
struct LiveRun {
  Workspace workspace{"recovery"};
  std::string out = workspace.path("live");
  std::map<std::int64_t, std::string> hashes;
  std::map<std::string, std::vector<char>> tensors;
  int compared = 0;

  LiveRun() {
    Survivor survivor;
    const Crash crash = run_until_killed(out, survivor);
    resume_and_finish(out, survivor, crash);
    const JournalReader journal(journal_of(out));
    check_continuity(journal, crash);
    for (const auto& problems : {turn_problems(journal), step_problems(journal),
                                 checkpoint_problems(checkpoints_of(out), journal.summary().last_step)}) {
      INFO(joined(problems));
      REQUIRE(problems.empty());
    }
    hashes = step_hashes(journal);
    tensors = newest_tensors(checkpoints_of(out));
    std::cout << "live run: " << hashes.size() << " steps, " << crash.hashes.size() << " of them before the kill after "
              << "checkpoint " << crash.checkpoint << "; " << crash.unused.size() << " samples waited, "
              << crash.judging.size() << " turns were being judged" << std::endl;
  }
  JobSettings replay(const std::string& name, std::vector<std::string> more = {}) const {
    more.push_back("--run.replay=" + journal_of(out));
    return {.out = workspace.path(name), .arguments = std::move(more)};
  }
  std::string last_step() const { return "step " + std::to_string(hashes.rbegin()->first) + " "; }
};

LiveRun& live_run() {
  static std::unique_ptr<LiveRun> run;
  static bool tried = false;
  if (!run && tried) FAIL("there is no live run to compare with");
  tried = true;
  if (!run) run = std::make_unique<LiveRun>();
  return *run;
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
  JobProcess job(live.replay(name, {"--run.resume"}));
  REQUIRE(job.wait() == 0);
  REQUIRE(job.log().find("resumed from") != std::string::npos);
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
  check_same_bits(live, "whole");
  passed();
}

TEST_CASE("a replay stopped in the middle resumes to the same bits") {
  replay_interrupted("stopped", [](JobProcess& job) {
    job.stop();
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
  REQUIRE(job.ranks().empty());
  REQUIRE(job.log().find(live.last_step()) != std::string::npos);
  REQUIRE(job.log().find("failed: " + checkpoints_of(out)) != std::string::npos);
  const auto problems = checkpoint_problems(checkpoints_of(out), 3);  // the first one, whole; no trace of the others
  INFO(joined(problems));
  REQUIRE(problems.empty());
  passed();
}

}  // namespace clawrl::test
