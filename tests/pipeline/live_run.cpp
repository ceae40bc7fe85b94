#include "pipeline/live_run.hpp"

#include <algorithm>
#include <iostream>
#include <set>
#include <thread>

#include "checkpoint/checkpoint_reader.hpp"
#include "frontend/openai_client.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/users.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t every = INT64_MAX;
// So that every waiting sample must be used and no session ends by itself, however slow the machine is.
const std::vector<std::string> patient = {"--samples.max_staleness=100000", "--session.idle_s=600"};

std::vector<demo::ReplyRecord> hold_slowly(const ServerUrl& server, int first, int count, std::uint64_t seed) {
  demo::UserSettings users = talkative(server, seed);
  users.think_s = 0.1;  // else the judge's queue grows long on a busy machine
  return demo::hold_sessions(users, first, count, [](const demo::ReplyRecord&) {});
}

/// A student who writes once before the crash and again after it.
class Survivor {
 public:
  explicit Survivor() : student_(demo::find_persona("student"), 77, demo::Split::held_out, {.silent = 0}) {
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
  demo::UserSession student_;
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
  JobProcess job({.out = out, .arguments = patient});
  const ServerUrl server = job.wait_until_serving();
  survivor.write(server);
  std::thread students([&] { hold_slowly(server, 0, 200, 3); });  // cut off by the kill
  // Which steps get one depends on how long the one before takes to write.
  const bool learning = job.wait_for("checkpoint " + checkpoints_of(out) + "/step_0") && job.wait_for("step 7 ");
  job.kill_all_ranks();
  students.join();
  REQUIRE(learning);
  REQUIRE(job.wait(20s) != 0);
  REQUIRE(job.ranks().empty());
  return look_at(out);
}

void resume_and_finish(const std::string& out, Survivor& survivor, const Crash& crash) {
  std::vector<std::string> arguments = patient;
  arguments.push_back("--run.resume");
  JobProcess job({.out = out, .arguments = arguments});
  const ServerUrl server = job.wait_until_serving();
  survivor.write(server);
  for (const auto& reply : hold_slowly(server, 0, 8, 4)) REQUIRE(reply.served);
  REQUIRE(job.wait_for("step " + std::to_string(crash.steps.size() + 4) + " "));
  wait_until_learned(server);
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

}  // namespace

LiveRun::LiveRun() {
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

JobSettings LiveRun::replay(const std::string& name, std::vector<std::string> more) const {
  more.push_back("--run.replay=" + journal_of(out));
  return {.out = workspace.path(name), .arguments = std::move(more)};
}

std::string LiveRun::last_step() const {
  return "step " + std::to_string(hashes.rbegin()->first) + " ";
}

}  // namespace clawrl::test
