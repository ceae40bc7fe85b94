// samples.baseline = group: verdicts on the choices of one request become samples together.

#include "roles/feedback_run.hpp"
#include "samples/group_advantage.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

RunConfig grouped(std::int32_t batch) {
  RunConfig config = binary(batch);
  config.samples.baseline = "group";
  return config;
}

struct GroupRun : FeedbackRun {
  GroupRun(const std::string& path, std::int32_t batch) : FeedbackRun(path, true, grouped(batch)) {}
  StepDesk& steps() { return run.desk; }

  std::vector<Turn> choices(int count, const std::string& completion = "c") {
    std::vector<Turn> turns = {answered(completion)};
    for (int i = 1; i < count; ++i) turns.push_back(answered(completion + "/" + std::to_string(i)));
    return turns;
  }
  /// Lets the desk see the news.
  void look() {
    REQUIRE(until([&] {
      steps().tick(monotonic_s());
      return !steps().looks_at_groups();
    }));
  }
  /// As if it were so many seconds later, until nothing waits.
  void look_late(double later_s) {
    REQUIRE(until([&] {
      steps().tick(monotonic_s() + later_s);
      return steps().waiting_for_group() == 0;
    }));
  }
  /// The judge agrees with what the user said of the choice.
  void thumb_and_judge(const std::string& completion, double score) {
    thumb(completion, score);
    judge_all();
  }
  /// Of the samples that are to be trained on.
  std::map<TurnId, double> advantages() const {
    std::map<TurnId, double> found;
    for (const TrainingSample& sample : run.journal.unused_samples()) found[sample.id.turn] = sample.advantages.back();
    return found;
  }
};

void check_advantages(const GroupRun& run, const std::vector<Turn>& turns, const std::vector<double>& rewards) {
  const auto found = run.advantages();
  const auto wanted = group_advantages(rewards);
  REQUIRE(found.size() == turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i)
    CHECK(found.at(turns[i].id) == static_cast<double>(static_cast<float>(wanted[i])));
}

}  // namespace

TEST_CASE("a verdict waits until every choice of its group has one; then one step takes them all") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 4);
  const auto turns = run.choices(4);
  const std::vector<double> rewards = {1, 0, 0, -1};
  std::vector<std::string> told;
  run.steps().on_sampled = [&](const Turn&, const Verdict&, const std::string& why) { told.push_back(why); };
  for (const std::size_t i : {2, 0, 1}) {
    run.prm_says(turns[i], static_cast<std::int8_t>(rewards[i]));
    run.look();
  }
  CHECK(run.steps().waiting_for_group() == 3);
  CHECK(run.state(turns[0]) == TurnState::scored);
  CHECK(run.advantages().empty());
  CHECK(told.empty());
  run.prm_says(turns[3], -1);
  run.look();
  CHECK(run.steps().waiting_for_group() == 0);
  CHECK(told == std::vector<std::string>{"", "zero_advantage", "zero_advantage", ""});  // their mean is 0
  CHECK(run.advantages().size() == 2);

  const auto others = run.choices(4, "d");
  for (std::size_t i = 0; i < 4; ++i) run.prm_says(others[i], i == 1 ? 1 : 0);
  run.look();
  const auto sent = run.run.next_step();
  REQUIRE(ids_of(sent).size() == 4);
  const auto wanted = group_advantages(std::vector<double>{0, 1, 0, 0});
  int compared = 0;
  for (const auto& one : sent)
    for (const TrainingSample& sample : one.message.batch.samples)
      for (std::size_t i = 0; i < 4; ++i)
        if (sample.id.turn == others[i].id) {
          CHECK(sample.advantages.back() == static_cast<float>(wanted[i]));
          ++compared;
        }
  CHECK(compared == 2);  // after the two of the first group
}

TEST_CASE("equal rewards teach nothing, and say so") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 4);
  const auto turns = run.choices(2);
  run.thumb_and_judge("c", -1);
  run.thumb_and_judge("c/1", -1);
  run.look();
  CHECK(run.advantages().empty());
  for (const Turn& turn : turns) {
    CHECK(run.run.journal.has_sample({turn.id, 1}));
    CHECK(run.run.journal.feedback_on(turn.id)[0].outcome == "zero_advantage");
  }
}

TEST_CASE("after samples.group_wait_s those with a verdict go, and a late one is measured against them") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 9);
  auto turns = run.choices(3);
  run.prm_says(turns[0], 1);
  run.prm_says(turns[1], -1);
  run.look();
  CHECK(run.steps().waiting_for_group() == 2);
  run.look_late(601);
  check_advantages(run, {turns[0], turns[1]}, {1, -1});
  run.prm_says(turns[2], -1);
  run.look();
  CHECK(run.advantages().at(turns[2].id) == Approx(group_advantages(std::vector<double>{1, -1, -1})[2]));
}

TEST_CASE("a restart lets scored choices wait again") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  std::vector<Turn> turns;
  {
    GroupRun run(path, 9);
    turns = run.choices(2);
    run.prm_says(turns[0], 1);
    run.look();
    run.steps().stop();
  }
  GroupRun run(path, 9);
  run.steps().restore_waiting();
  run.look();
  CHECK(run.steps().waiting_for_group() == 1);
  run.prm_says(turns[1], 0);
  run.look();
  check_advantages(run, turns, {1, 0});
}

TEST_CASE("feedback that is revised while it waits counts as revised") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 9);
  const auto turns = run.choices(2);
  run.thumb_and_judge("c", 1);
  run.look();
  CHECK(run.run.journal.feedback_on(turns[0].id)[0].outcome == "sampled");
  run.thumb("c", -1);
  CHECK(run.steps().waiting_for_group() == 0);
  const auto asked = run.judged_turns();
  run.thumb_and_judge("c/1", 1);
  run.look();
  CHECK(run.steps().waiting_for_group() == 1);  // the other one is with the judge
  REQUIRE(asked.size() == 1);
  run.judge(asked[0].message, 0);
  run.look();
  check_advantages(run, turns, {-1, 1});
  CHECK(run.run.journal.has_sample({turns[0].id, 2}));
  CHECK_FALSE(run.run.journal.has_sample({turns[0].id, 1}));
}

TEST_CASE("feedback that is withdrawn while it waits does not count") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 9);
  const auto turns = run.choices(3);
  const bool open = GENERATE(true, false);  // a verdict of the PRM may come
  if (!open) run.awaits.clear();
  const auto given = run.thumb("c", 1);
  run.judge_all();
  run.thumb_and_judge("c/1", 1);
  run.look();
  run.take_back(given.id);
  run.thumb_and_judge("c/2", -1);
  run.look();
  if (open) {
    CHECK(run.steps().waiting_for_group() == 2);
    run.prm_says(turns[0], 1);
    run.look();
    check_advantages(run, turns, {1, 1, -1});
  } else {
    check_advantages(run, {turns[1], turns[2]}, {1, -1});
  }
}

TEST_CASE("choices that cannot be learned from are not waited for, those being generated are") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 9);
  const auto turns = run.choices(5);
  run.run.journal.set_turn_state(turns[2].id, TurnState::aborted);
  Turn greedy = turns[3];
  greedy.completion.sampling.temperature = 0;
  run.run.journal.save_turn(greedy);
  run.run.journal.set_turn_state(turns[4].id, TurnState::excluded, "too_long");
  bool generating = true;
  run.steps().generating = [&](const GroupKey& group) { return generating && group == group_of(turns[0]); };
  run.prm_says(turns[0], 1);
  run.prm_says(turns[1], -1);
  for (int i = 0; i < 20; ++i) run.steps().tick(monotonic_s());
  CHECK(run.steps().looks_at_groups());
  CHECK(run.steps().waiting_for_group() == 2);
  generating = false;
  run.look_late(1);
  check_advantages(run, {turns[0], turns[1]}, {1, -1});
}

TEST_CASE("choices whose session has ended still wait for feedback on each other") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 9);
  const auto turns = run.choices(3);
  for (const Turn& turn : turns) run.run.journal.advance_turn(turn.id, TurnState::excluded, "superseded");
  run.awaits.clear();
  run.thumb_and_judge("c", 1);
  run.thumb_and_judge("c/1", -1);
  run.look();
  CHECK(run.steps().waiting_for_group() == 2);
  run.thumb_and_judge("c/2", -1);
  run.look();
  check_advantages(run, turns, {1, -1, -1});
}

TEST_CASE("a turn that is no choice of several has the running baseline") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 9);
  const Turn first = run.answered("a"), second = run.answered("b");
  run.prm_says(first, 1);
  run.look();
  run.prm_says(second, -1);
  run.look();
  CHECK(run.advantages() == std::map<TurnId, double>{{first.id, 1}, {second.id, -2}});
}

TEST_CASE("an erased choice leaves nothing behind") {
  Folder folder;
  GroupRun run(folder.file("journal.sqlite"), 9);
  const auto turns = run.choices(2);
  run.prm_says(turns[0], 1);
  run.look();
  run.steps().drop(turns[0].id, "erased");
  run.run.journal.erase_turns({turns[0].id}, std::make_shared<ErasedRows>());
  CHECK(run.steps().waiting_for_group() == 0);
  run.prm_says(turns[1], -1);
  run.look();
  CHECK(run.steps().waiting_for_group() == 0);
}
