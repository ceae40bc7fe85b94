// Verdicts to steps with a real journal: exactly once, and a restart takes recorded steps again first.

#include <chrono>
#include <numeric>
#include <set>
#include <thread>

#include "roles/clock.hpp"
#include "roles/desk_support.hpp"
#include "roles/step_desk.hpp"
#include "samples/step_shards.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using namespace std::chrono_literals;

namespace {

RunConfig binary(std::int32_t batch) {
  RunConfig config;
  config.samples.method = "binary";
  config.samples.batch = batch;
  config.samples.partial_batch_age_s = 0;
  return config;
}

/// A head's part in small: journal, desk, and trainers that answer.
struct Run {
  RunConfig config;
  Journal journal;
  RecordingMailbox mailbox;
  std::vector<messages::StepDone> done;
  StepDesk desk;
  Run(const std::string& path, const RunConfig& settings, std::vector<int> trainers = {0, 1})
      : config(settings), journal(path), desk(mailbox, journal, config, std::move(trainers),
                                              [this](const messages::StepDone& one) { done.push_back(one); }) {}

  Turn answered_turn() {
    Turn turn;
    turn.id = journal.next_turn_id();
    turn.session = "s" + std::to_string(turn.id.value);
    turn.prompt = {5, 6, 7};
    turn.completion.ids.assign(2 + static_cast<std::size_t>(turn.id.value % 5), 8);
    turn.completion.logprobs.assign(turn.completion.ids.size(), -0.5F);
    turn.completion.logprobs_t1 = turn.completion.logprobs;
    turn.completion.versions.assign(turn.completion.ids.size(), desk.version());
    turn.completion.finish = FinishReason::stop;
    turn.state = TurnState::answered;
    return turn;
  }
  static Verdict verdict_of(const Turn& turn, std::int8_t score = -1) {
    Verdict verdict;
    verdict.turn = turn.id;
    verdict.votes = {score};
    verdict.score = score;
    return verdict;
  }
  /// A turn that was answered and judged, as the head records it.
  TurnId judged(std::int8_t score = -1) {
    const Turn turn = answered_turn();
    journal.save_turn(turn);
    const Verdict verdict = verdict_of(turn, score);
    journal.save_verdict(verdict);
    desk.add(turn, verdict);
    return turn.id;
  }
  void judge(int count) {
    for (int i = 0; i < count; ++i) judged();
  }
  /// Ticks until a step was sent; nothing when none is due.
  std::vector<RecordingMailbox::Sent<messages::TakeStep>> next_step() {
    for (int i = 0; i < 20000; ++i) {
      desk.tick(monotonic_s());
      if (auto sent = mailbox.take<messages::TakeStep>(); !sent.empty()) return sent;
      if (!desk.busy()) return {};
      std::this_thread::sleep_for(1ms);
    }
    return {};
  }
  void finish(const StepBatch& batch, const std::string& hash = "hash") {
    messages::StepDone message;
    message.metrics.step = batch.step;
    message.metrics.version = batch.version;
    message.weights_hash = hash + std::to_string(batch.step);
    desk.take(message);
  }
  /// Runs all steps that are due.
  int run_steps() {
    int steps = 0;
    for (auto sent = next_step(); !sent.empty(); sent = next_step(), ++steps) finish(sent[0].message.batch);
    return steps;
  }
};

std::multiset<SampleId> ids_of(const std::vector<RecordingMailbox::Sent<messages::TakeStep>>& sent) {
  std::multiset<SampleId> ids;
  for (const auto& one : sent)
    for (const TrainingSample& sample : one.message.batch.samples) ids.insert(sample.id);
  return ids;
}

}  // namespace

TEST_CASE("a step is planned durably, sent in balanced shards, and its turns become trained") {
  Folder folder;
  Run run(folder.file("journal.sqlite"), binary(4));
  run.judge(3);
  CHECK(run.next_step().empty());
  run.judge(1);
  const auto sent = run.next_step();
  REQUIRE(ranks_of(sent) == std::vector<int>{0, 1});
  const auto plans = run.journal.steps(1, 100);
  REQUIRE(plans.size() == 1);  // on record before the trainers may have heard of it
  CHECK_FALSE(plans[0].finished());
  CHECK(ids_of(sent).size() == 4);
  std::vector<TrainingSample> all;
  std::int64_t active = 0;
  for (const auto& one : sent) {
    CHECK(one.message.batch.step == 1);
    CHECK(one.message.batch.version == 1);
    CHECK(one.message.batch.global_samples == 4);
    for (const TrainingSample& sample : one.message.batch.samples) active += sample.response_length();
  }
  CHECK(sent[0].message.batch.global_active_tokens == active);
  CHECK(run.next_step().empty());  // one at a time
  run.finish(sent[0].message.batch);
  CHECK(run.done.size() == 1);
  CHECK(run.desk.step() == 1);
  CHECK(run.desk.last_fresh().size() == 4);
  CHECK(run.journal.steps(1, 100)[0].times_finished == 1);
  CHECK(run.journal.turns_in(TurnState::trained).size() == 4);
}

TEST_CASE("every sample is trained once, whatever the batch") {
  Folder folder;
  Run run(folder.file("journal.sqlite"), binary(3));
  std::multiset<SampleId> trained;
  int steps = 0;
  for (int round = 0; round < 10; ++round) {
    run.judge(1 + round % 4);
    for (auto sent = run.next_step(); !sent.empty(); sent = run.next_step(), ++steps) {
      trained.merge(ids_of(sent));
      run.judge(1);  // feedback goes on while the step is computed
      run.finish(sent[0].message.batch);
    }
  }
  CHECK(std::set<SampleId>(trained.begin(), trained.end()).size() == trained.size());
  CHECK(static_cast<int>(trained.size()) == 3 * steps);
  CHECK(trained.size() + run.desk.waiting() == run.journal.turns_in(TurnState::sampled).size() +
                                                   run.journal.turns_in(TurnState::trained).size());
}

TEST_CASE("a replay window adds used samples, marked as such") {
  Folder folder;
  RunConfig config = binary(2);
  config.samples.replay = 2;
  Run run(folder.file("journal.sqlite"), config);
  run.judge(6);
  CHECK(run.run_steps() == 3);
  const auto steps = run.journal.steps(1, 100);
  REQUIRE(steps.size() == 3);
  std::set<SampleId> fresh;
  for (const StepRecord& step : steps)
    for (const SampleUse& use : step.samples) CHECK((use.replayed ? fresh.contains(use.id) : fresh.insert(use.id).second));
  CHECK(fresh.size() == 6);
  CHECK(steps[2].samples.size() == 4);
  CHECK(run.desk.last_fresh().size() == 2);
}

TEST_CASE("what cannot be trained on is excluded by name and takes no slot") {
  Folder folder;
  Run run(folder.file("journal.sqlite"), binary(1));
  Turn greedy = run.answered_turn();
  greedy.completion.sampling.temperature = 0;
  run.journal.save_turn(greedy);
  run.journal.save_verdict(Run::verdict_of(greedy));
  run.desk.add(greedy, Run::verdict_of(greedy));
  const TurnId neutral = run.judged(0);  // advantage 0 everywhere
  CHECK(run.next_step().empty());
  CHECK(run.journal.turn(greedy.id)->state == TurnState::excluded);
  CHECK(run.journal.turn(greedy.id)->exclusion == "greedy");
  CHECK(run.journal.turn(neutral)->state == TurnState::scored);
  CHECK(run.journal.has_sample({neutral, 0}));  // on record with its exclusion
  CHECK(run.journal.unused_samples().empty());
  run.desk.restore_waiting();  // as a restart would: what is on record is not built again
  CHECK(run.journal.events().empty());
  CHECK(run.desk.waiting() == 0);
}

TEST_CASE("max_steps ends this run's training, stop() lets the step in flight end") {
  Folder folder;
  RunConfig config = binary(1);
  config.run.max_steps = 2;
  Run run(folder.file("journal.sqlite"), config);
  run.judge(5);
  CHECK(run.run_steps() == 2);
  CHECK(run.desk.waiting() == 3);

  config.run.max_steps = 0;
  Run other(folder.file("other.sqlite"), config);
  other.judge(5);
  const auto sent = other.next_step();
  other.desk.stop();
  CHECK(other.desk.busy());
  other.finish(sent[0].message.batch);
  CHECK_FALSE(other.desk.busy());
  CHECK(other.next_step().empty());
}

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

TEST_CASE("without determinism steps are taken again under new version numbers") {
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
  CHECK(again[0].message.batch.version == 4);  // 2 and 3 were other bits, perhaps
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

TEST_CASE("more feedback than the batcher holds waits in the journal, in order") {
  Folder folder;
  RunConfig config = binary(16);
  config.samples.max_staleness = 1000;
  Run run(folder.file("journal.sqlite"), config);
  constexpr int count = 1024 + 300;
  run.judge(count);
  CHECK(run.desk.waiting() == 1024);
  std::vector<SampleId> order;
  while (true) {
    const auto sent = run.next_step();
    if (sent.empty()) break;
    const StepRecord record = run.journal.steps(run.desk.step() + 1, run.desk.step() + 1).at(0);
    for (const SampleUse& use : record.samples) order.push_back(use.id);
    run.finish(sent[0].message.batch);
    if (run.desk.step() == 10) run.judge(4);
  }
  CHECK(static_cast<int>(order.size()) == (count + 4) / 16 * 16);
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(std::set<SampleId>(order.begin(), order.end()).size() == order.size());
}
