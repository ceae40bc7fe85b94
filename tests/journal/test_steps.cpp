// Exactly once: what a step may take, and what a restart finds.

#include "core/error.hpp"
#include "journal/journal.hpp"
#include "journal/journal_writer.hpp"
#include "journal/query.hpp"
#include "made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

SampleUse fresh(std::int64_t turn) {
  return {{{turn}, 0}, false};
}
SampleUse replayed(std::int64_t turn) {
  return {{{turn}, 0}, true};
}

StepRecord plan(std::int64_t step, std::vector<SampleUse> samples, std::vector<std::vector<std::int32_t>> shards) {
  StepRecord record;
  record.step = record.version = step;
  record.samples = std::move(samples);
  record.shards = std::move(shards);
  return record;
}

/// Five judged turns with a sample each.
void fill(Journal& journal) {
  for (int i = 1; i <= 5; ++i) {
    journal.save_turn(make_turn({i}));
    journal.save_verdict(make_verdict({i}));
    journal.save_sample(make_sample({i}));
  }
}

std::vector<std::int64_t> unused(const Journal& journal, std::int64_t limit = 0) {
  std::vector<std::int64_t> turns;
  for (const auto& sample : journal.unused_samples(limit)) turns.push_back(sample.id.turn.value);
  return turns;
}

void expect_refused(Journal& journal, const StepRecord& record, const std::string& why) {
  const auto steps = journal.summary().steps_planned;
  CHECK_THROWS_WITH(journal.plan_step(record).get(), Catch::Matchers::Contains(why));
  CHECK(journal.summary().steps_planned == steps);
}

}  // namespace

TEST_CASE("plan, finish, and what is left") {
  Folder folder;
  const auto path = folder.file("journal.db");
  {
    Journal journal(path);
    fill(journal);
    CHECK(unused(journal) == std::vector<std::int64_t>{1, 2, 3, 4, 5});
    CHECK(unused(journal, 2) == std::vector<std::int64_t>{1, 2});
    journal.plan_step(plan(1, {fresh(1), fresh(3)}, {{1}, {0}})).get();
    CHECK(unused(journal) == std::vector<std::int64_t>{2, 4, 5});
    StepMetrics metrics;
    metrics.loss = 0.75;
    journal.finish_step(1, metrics, "aaaa");
    journal.plan_step(plan(2, {fresh(2), replayed(3)}, {{0, 1}, {}})).get();
  }
  Journal journal(path);
  CHECK(unused(journal) == std::vector<std::int64_t>{4, 5});
  CHECK(journal.turn({1})->state == TurnState::trained);
  CHECK(journal.turn({2})->state == TurnState::sampled);  // planned, not taken
  const auto steps = journal.steps(1, 2);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].finished());
  CHECK(steps[0].metrics.loss == 0.75);
  CHECK(steps[0].weights_hash == "aaaa");
  CHECK(steps[0].shards == std::vector<std::vector<std::int32_t>>{{1}, {0}});
  CHECK_FALSE(steps[1].finished());
  CHECK(steps[1].samples == std::vector<SampleUse>{fresh(2), replayed(3)});
  CHECK(steps[1].shards == std::vector<std::vector<std::int32_t>>{{0, 1}, {}});
  CHECK(journal.last_planned_step() == 2);
  CHECK(journal.highest_version() == 2);
  CHECK(journal.used_samples(2, 2) == std::vector<SampleId>{{{3}, 0}, {{2}, 0}});
  CHECK(journal.used_samples(9, 1) == std::vector<SampleId>{{{1}, 0}, {{3}, 0}});
  const auto summary = journal.summary();
  CHECK(summary.steps_planned == 2);
  CHECK(summary.steps_finished == 1);
  CHECK(summary.samples_unused == 2);
}

TEST_CASE("no sample is taken twice, and a refused plan leaves nothing behind") {
  Folder folder;
  Journal journal(folder.file("journal.db"));
  fill(journal);
  journal.plan_step(plan(1, {fresh(1)}, {{0}})).get();
  expect_refused(journal, plan(2, {fresh(2), fresh(1)}, {{0, 1}}), "taken by step 1");
  expect_refused(journal, plan(2, {replayed(2)}, {{0}}), "in no earlier step");
  expect_refused(journal, plan(2, {fresh(2), fresh(2)}, {{0, 1}}), "appears twice");
  expect_refused(journal, plan(2, {fresh(77)}, {{0}}), "never saved");
  expect_refused(journal, plan(2, {fresh(2)}, {{0}, {0}}), "2 shard places");
  expect_refused(journal, plan(2, {fresh(2)}, {{}}), "0 shard places");
  expect_refused(journal, plan(2, {fresh(2)}, {{5}}), "index 5 of 1");
  expect_refused(journal, plan(1, {fresh(2)}, {{0}}), "another batch");
  journal.exclude_sample({{3}, 0}, "stale");
  expect_refused(journal, plan(2, {fresh(3)}, {{0}}), "excluded (stale)");
  CHECK(unused(journal) == std::vector<std::int64_t>{2, 4, 5});
  journal.plan_step(plan(2, {fresh(2), replayed(1)}, {{0, 1}})).get();
  expect_refused(journal, plan(1, {fresh(4)}, {{0}}), "another batch");
  CHECK(unused(journal) == std::vector<std::int64_t>{4, 5});
}

TEST_CASE("a restart runs a recorded step again without a second use of its samples") {
  Folder folder;
  const auto path = folder.file("journal.db");
  const auto record = plan(1, {fresh(1), fresh(2)}, {{0}, {1}});
  {
    Journal journal(path);
    fill(journal);
    journal.plan_step(record).get();
    journal.finish_step(1, {}, "aaaa");
  }
  Journal journal(path);
  journal.plan_step(record).get();
  journal.finish_step(1, {}, "aaaa");
  CHECK(journal.steps(1, 1)[0].times_finished == 2);
  CHECK(unused(journal) == std::vector<std::int64_t>{3, 4, 5});
  CHECK(journal.events().empty());
  journal.finish_step(1, {}, "bbbb");  // other bits this time: on record
  REQUIRE(journal.events().size() == 1);
  CHECK(journal.events()[0].kind == "step_differs");
  journal.save_sample(make_sample({1}));  // saved again: kept as it was
  CHECK(journal.events().back().kind == "sample_kept");
}

TEST_CASE("an excluded sample is on record and never offered") {
  Folder folder;
  Journal journal(folder.file("journal.db"));
  journal.save_turn(make_turn({1}));
  journal.save_verdict(make_verdict({1}, 0));
  journal.save_sample(make_sample({1}), "no_signal");
  CHECK(unused(journal).empty());
  CHECK(journal.turn({1})->state == TurnState::scored);
  CHECK(journal.summary().samples_excluded == 1);
  journal.save_sample(make_sample({1}, 1));  // late feedback: a new revision
  CHECK(unused(journal) == std::vector<std::int64_t>{1});
}

TEST_CASE("samples and steps keep their policy line; a line's used samples are its own") {
  Folder folder;
  Journal journal(folder.file("journal.db"));
  for (int i = 1; i <= 5; ++i) {
    TrainingSample sample = make_sample({i});
    sample.line = i % 2 ? "odd" : "main";
    journal.save_turn(make_turn({i}));
    journal.save_sample(sample);
  }
  StepRecord odd = plan(1, {fresh(1), fresh(3)}, {{0, 1}}), shared = plan(2, {fresh(2)}, {{0}});
  odd.line = "odd";
  journal.plan_step(odd).get();
  journal.plan_step(shared).get();
  CHECK(journal.steps(1, 2).at(0).line == "odd");
  CHECK(journal.steps(1, 2).at(1).line == "main");
  CHECK(journal.trained_lines() == std::vector<std::string>{"main", "odd"});
  CHECK(journal.used_samples(8, 2, "odd") == std::vector<SampleId>{{{1}, 0}, {{3}, 0}});
  CHECK(journal.used_samples(8, 2) == std::vector<SampleId>{{{2}, 0}});
  CHECK(journal.samples(std::vector<SampleId>{{{3}, 0}}).at(0).line == "odd");
  const auto unused = journal.unused_samples();
  REQUIRE(unused.size() == 2);
  CHECK(unused[0].line == "main");
  CHECK(unused[1].line == "odd");
}

/// What that schema version did not have.
void take_back(const std::string& path, int version) {
  JournalWriter earlier(path, AfterFailure::throws);
  earlier.submit([version](auto& database) {
    const auto drop = [&](const std::string& table, const std::string& column) {
      journal::execute(database, ("ALTER TABLE " + table + " DROP COLUMN " + column).c_str());
    };
    drop("verdicts", "hint_agreement");
    if (version < 4)
      for (const char* column : {"fault", "severity"}) drop("feedback", column);
    if (version == 2) {
      for (const char* table : {"samples", "steps"}) drop(table, "line");
      drop("feedback", "hint");
      journal::execute(database, "DROP TABLE audits");
    }
    journal::execute(database, ("PRAGMA user_version = " + std::to_string(version)).c_str());
  });
  earlier.settle();
}

TEST_CASE(
    "a journal of an earlier schema goes on with what it has: one line, feedback that says neither how nor where, "
    "hints that were not compared") {
  const int version = GENERATE(2, 3, 4);
  Folder folder;
  const auto path = folder.file("journal.db");
  {
    Journal journal(path);
    fill(journal);
    journal.plan_step(plan(1, {fresh(1)}, {{0}})).get();
    FeedbackRecord earlier;
    earlier.id = "e";
    earlier.turn = {2};
    journal.save_feedback(earlier);
    journal.save_verdict(make_verdict({1}));
  }
  take_back(path, version);
  CHECK_THROWS_WITH(JournalReader(path), Catch::Matchers::Contains("schema version " + std::to_string(version)) &&
                                             Catch::Matchers::Contains("run.resume"));
  Journal journal(path);
  CHECK(journal.steps(1, 1).at(0).line == "main");
  CHECK(unused(journal) == std::vector<std::int64_t>{2, 3, 4, 5});
  CHECK(journal.used_samples(8, 1).size() == 1);
  journal.plan_step(plan(2, {fresh(2)}, {{0}})).get();
  FeedbackRecord given;
  given.id = "f";
  given.turn = {1};
  given.hint = "Be brief.";
  given.fault = "at length";
  given.severity = 2;
  journal.save_feedback(given);
  const FeedbackRecord kept = journal.feedback_on({1}).at(0);
  CHECK(kept.hint == "Be brief.");
  CHECK(kept.fault == "at length");
  CHECK(kept.severity == 2);
  CHECK(journal.feedback_on({2}).at(0).severity == 0);
  CHECK_FALSE(journal.newest_verdict({1}).value().hint_agreement);
  CHECK(journal.audits().empty());
  journal.save_audit({{4, "hints", 40, 40, 0, 0, 0, "passed", "evaluate"}});
  CHECK(journal.audits().size() == 1);
}
