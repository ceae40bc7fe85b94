// Verdicts to steps with a real journal: exactly once.

#include <algorithm>
#include <map>

#include "roles/step_run.hpp"
#include "samples/request_type.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

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
  run.judge(4);
  run.desk.tick(monotonic_s());
  CHECK(run.mailbox.take<messages::TakeStep>().empty());  // one at a time
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
  CHECK(trained.size() + run.desk.waiting() ==
        run.journal.turns_in(TurnState::sampled).size() + run.journal.turns_in(TurnState::trained).size());
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
    for (const SampleUse& use : step.samples)
      CHECK((use.replayed ? fresh.contains(use.id) : fresh.insert(use.id).second));
  CHECK(fresh.size() == 6);
  CHECK(steps[2].samples.size() == 4);
  CHECK(run.desk.last_fresh().size() == 2);
}

TEST_CASE("steps pause; after the trainers went back they have another number, and nothing of before is replayed") {
  Folder folder;
  RunConfig config = binary(2);
  config.samples.replay = 2;
  const std::string path = folder.file("journal.sqlite");
  {
    Run run(path, config);
    run.judge(4);
    CHECK(run.run_steps() == 2);
    run.desk.pause(true);
    run.judge(2);
    CHECK(run.next_step().empty());
    CHECK(run.desk.went_back() == 3);
    CHECK(run.desk.step() == 2);
    CHECK(run.desk.version() == 3);
    CHECK(run.desk.dispatched().number == 3);
    CHECK(run.next_step().empty());
    run.desk.pause(false);
    CHECK(run.run_steps() == 1);
    const StepRecord third = run.journal.steps(3, 3).at(0);
    CHECK(third.version == 4);
    CHECK(third.samples.size() == 2);
  }
  Run again(path, config);  // on the checkpoint of step 3
  again.desk.resume_from(3, 4, &again.journal, false);
  again.desk.restore_waiting();
  again.judge(2);
  CHECK(again.run_steps() == 1);
  const auto uses = again.journal.steps(4, 4).at(0).samples;
  REQUIRE(uses.size() == 4);
  for (const SampleUse& use : uses)
    if (use.replayed) CHECK(use.id.turn.value > 4);  // of step 3
}

TEST_CASE("the trainers are told the samples' request types, so that what they measure can be told apart") {
  Folder folder;
  RunConfig config = binary(4);
  config.samples.replay = 4;
  const std::string path = folder.file("journal.sqlite");
  const auto asked = [](Run& run, const std::string& words) {
    Turn turn = run.answered_turn();
    turn.messages = {{"user", words, "", {}, ""}};
    return run.record(turn, Run::verdict_of(turn));
  };
  const std::string sum = "What is 12 + 30 = x, the sum of both numbers?",
                    code = "Fix the function: ```def f(): pass```";
  std::map<TurnId, std::string> types;
  const auto told = [&](Run& run) {
    const auto sent = run.next_step();
    REQUIRE(sent.size() == 2);
    std::map<TurnId, std::string> found;
    for (const auto& one : sent) {
      CHECK(one.message.batch.kind_count == static_cast<std::int32_t>(run.desk.last_types().size()));
      REQUIRE(one.message.batch.kinds.size() == one.message.batch.samples.size());
      for (std::size_t i = 0; i < one.message.batch.samples.size(); ++i)
        found[one.message.batch.samples[i].id.turn] = run.desk.last_types().at(one.message.batch.kinds[i]);
    }
    run.finish(sent[0].message.batch);
    return found;
  };
  {
    Run run(path, config);
    for (const std::string& words : {sum, code, sum, std::string("Hello there.")})
      types[asked(run, words)] = request_kind(words);
    CHECK(told(run) == types);
    CHECK(run.desk.last_types() == std::vector<std::string>{request_kind(sum), request_kind(code), "chat"});
  }
  Run again(path, config);  // which remembers nothing: the journal says
  again.desk.resume_from(1, 1, &again.journal, false);
  again.desk.restore_waiting();
  for (const std::string& words : {code, code, code, code}) types[asked(again, words)] = request_kind(code);
  CHECK(told(again) == types);
}

TEST_CASE("what an unsteady user said before is not used again, neither what waits nor what would be replayed") {
  Folder folder;
  RunConfig config = binary(1);
  config.samples.replay = 1;
  config.samples.weighting.most_contradictions = 0.2;
  Run run(folder.file("journal.sqlite"), config);
  run.complained("eve", {});
  CHECK(run.run_steps() == 1);
  const TurnId waiting = run.complained("eve", 0.9F);
  run.complained("eve", -0.9F);
  run.complained("eve", -0.9F);
  CHECK(run.journal.samples_on(waiting).at(0).exclusion == "unsteady");
  CHECK(run.run_steps() == 0);
  CHECK(run.journal.used_samples(8, 1).empty());  // nor after a restart
  const TurnId other = run.complained("bob", {});
  CHECK(run.run_steps() == 1);
  const auto uses = run.journal.steps(2, 100).at(0).samples;
  REQUIRE(uses.size() == 1);
  CHECK(uses[0].id.turn == other);
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

TEST_CASE("a step that the trainers refused is on record with its reason, and its samples are not tried for ever") {
  Folder folder;
  Run run(folder.file("journal.sqlite"), binary(2));
  run.judge(2);
  const auto sent = run.next_step();
  REQUIRE(!sent.empty());
  messages::StepDone refused;
  refused.metrics.step = sent[0].message.batch.step;
  refused.metrics.version = sent[0].message.batch.version;
  refused.weights_hash = "as before";
  refused.error = "step 1: loss or gradient is not finite";
  run.desk.take(refused);
  REQUIRE(run.done.size() == 1);
  CHECK(run.done[0].error == refused.error);  // the head counts it
  REQUIRE(run.journal.sync(20s));
  const auto events = run.journal.events();
  REQUIRE(!events.empty());
  CHECK(events.back().kind == "step_refused");
  CHECK_THAT(events.back().text, Catch::Contains("not finite"));
  CHECK(run.next_step().empty());
  run.judge(2);
  CHECK(run.run_steps() == 1);  // the run goes on
}
