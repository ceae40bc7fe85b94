// Explicit feedback on record, and what it does to the states of turns and samples.

#include <future>

#include "journal/journal.hpp"
#include "journal/made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

FeedbackRecord given(TurnId turn, std::int32_t revision, const std::string& id = "fb-1") {
  FeedbackRecord record;
  record.id = id;
  record.key = "alice";
  record.user = "ann";
  record.session = "alice:s1";
  record.turn = turn;
  record.revision = revision;
  record.created_s = 5000.25;
  record.score = -0.5;
  record.text = "too long";
  record.correction = "4";
  record.hint = "Be brief.";
  record.confidence = 0.75;
  return record;
}

TurnState state_of(const Journal& journal, TurnId id) {
  return journal.turn(id)->state;
}

Verdict user_verdict(TurnId id, std::int32_t revision, const std::string& error = "") {
  Verdict verdict = make_verdict(id, -1, revision);
  verdict.origin = "user";
  verdict.error = error;
  return verdict;
}

}  // namespace

TEST_CASE("feedback is found by its name, by its turn and while it is open, also after a restart") {
  Folder folder;
  const std::string path = folder.file("journal.sqlite");
  {
    Journal journal(path);
    journal.save_feedback(given({3}, 1));
    journal.save_feedback(given({4}, 1));
    std::promise<std::exception_ptr> durable;
    journal.save_feedback(given({4}, 2, "fb-2"), [&](std::exception_ptr error) { durable.set_value(error); });
    CHECK(durable.get_future().get() == nullptr);
    journal.save_feedback(given({3}, 9));  // there already: nothing changes
  }
  Journal journal(path);
  const auto records = journal.feedback("alice", "fb-1");
  REQUIRE(records.size() == 2);
  CHECK(records[0].turn == TurnId{3});
  CHECK(records[0].revision == 1);
  CHECK(records[0].user == "ann");
  CHECK(records[0].session == "alice:s1");
  CHECK(records[0].created_s == 5000.25);
  CHECK(records[0].score == -0.5);
  CHECK(records[0].text == "too long");
  CHECK(records[0].correction == "4");
  CHECK(records[0].hint == "Be brief.");
  CHECK(records[0].confidence == 0.75);
  CHECK(records[0].source == "feedback");
  CHECK(records[0].stands());
  CHECK(journal.feedback("bob", "fb-1").empty());
  CHECK(journal.feedback_on({4}).size() == 2);
  CHECK(journal.newest_revision({4}) == 2);
  CHECK(journal.newest_revision({9}) == 0);
  CHECK(journal.open_feedback().size() == 3);
  CHECK(journal.unjudged_with_feedback() == std::vector<TurnId>{{3}, {4}});
  journal.settle_feedback({{4}, 2}, "sampled");
  journal.withdraw_feedback("alice", "fb-1");
  CHECK(journal.open_feedback().empty());
  CHECK_FALSE(journal.feedback("alice", "fb-1")[1].stands());
  CHECK(journal.feedback("alice", "fb-2")[0].outcome == "sampled");
}

TEST_CASE("turns are found by completion id and by key, session, user and time") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  for (int i = 1; i <= 6; ++i) {
    Turn turn = make_turn({i}, i % 2 ? "a:s1" : "a:s2");
    turn.completion_id = "chatcmpl-" + std::to_string(i);
    turn.key = i == 6 ? "b" : "a";
    turn.user = i < 3 ? "ann" : "";
    turn.type = i == 5 ? TurnType::side : TurnType::main;
    turn.created_s = 100 * i;
    journal.save_turn(turn);
  }
  CHECK(journal.turns_by_completion("chatcmpl-4") == std::vector<TurnId>{{4}});
  CHECK(journal.turns_by_completion("chatcmpl-9").empty());
  using Ids = std::vector<TurnId>;
  CHECK(journal.newest_turns({.key = "a"}) == Ids{{4}, {3}, {2}, {1}});
  CHECK(journal.newest_turns({.key = "a", .limit = 2}) == Ids{{4}, {3}});
  CHECK(journal.newest_turns({.key = "a", .session = "a:s1"}) == Ids{{3}, {1}});
  CHECK(journal.newest_turns({.key = "a", .user = "ann", .from_s = 150, .to_s = 1000}) == Ids{{2}});
  CHECK(journal.newest_turns({.key = "a", .session = "a:s2", .user = "", .from_s = 0, .to_s = 400}).empty());
}

TEST_CASE("a user's verdict takes up what the PRM's left, and what belongs to the turn itself stays") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  for (int i = 1; i <= 10; ++i) journal.save_turn(make_turn({i}));
  journal.save_verdict(make_verdict({1}));
  journal.save_sample(make_sample({1}));
  journal.exclude_turn({9}, "unsteady");
  journal.exclude_turn({10}, "untrusted");
  for (int i = 9; i <= 10; ++i) journal.save_verdict(user_verdict({i}, 1));
  for (int i = 9; i <= 10; ++i) CHECK(state_of(journal, {i}) == TurnState::scored);
  journal.set_turn_state({2}, TurnState::excluded, "judge_failed");
  journal.set_turn_state({3}, TurnState::excluded, "redacted");
  journal.set_turn_state({4}, TurnState::trained);
  journal.set_turn_state({5}, TurnState::aborted);
  journal.set_turn_state({7}, TurnState::side);
  for (int i = 1; i <= 7; ++i) journal.save_verdict(user_verdict({i}, 1));
  journal.save_verdict(user_verdict({8}, 1, "no judge"));
  CHECK(state_of(journal, {1}) == TurnState::scored);
  CHECK(state_of(journal, {2}) == TurnState::scored);
  CHECK(journal.turn({2})->exclusion.empty());
  CHECK(state_of(journal, {3}) == TurnState::excluded);
  CHECK(state_of(journal, {4}) == TurnState::trained);
  CHECK(state_of(journal, {5}) == TurnState::aborted);
  CHECK(state_of(journal, {6}) == TurnState::scored);
  CHECK(state_of(journal, {7}) == TurnState::side);
  CHECK(state_of(journal, {8}) == TurnState::answered);
  // The PRM's verdict that comes later is on record and moves nothing.
  journal.save_sample(make_sample({6}, 1));
  journal.advance_turn({6}, TurnState::judging);
  journal.save_verdict(make_verdict({6}));
  CHECK(state_of(journal, {6}) == TurnState::sampled);
  CHECK(journal.newest_verdict({6})->origin == "user");
}

TEST_CASE("samples that no step took are excluded, a taken one stays and its turn becomes trained") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  for (int i = 1; i <= 2; ++i) {
    journal.save_turn(make_turn({i}));
    journal.save_verdict(make_verdict({i}));
    journal.save_sample(make_sample({i}));
  }
  StepRecord step;
  step.step = step.version = 1;
  step.samples = {{{{1}, 0}, false}};
  step.shards = {{0}};
  journal.plan_step(step).get();
  for (int i = 1; i <= 2; ++i) journal.exclude_unused_samples({i}, "superseded");
  CHECK(journal.unused_samples().empty());
  CHECK(journal.was_taken({1}));
  CHECK_FALSE(journal.was_taken({2}));
  journal.exclude_turn({1}, "withdrawn");
  journal.exclude_turn({2}, "withdrawn");
  CHECK(state_of(journal, {1}) == TurnState::excluded);
  journal.finish_step(1, {}, "hash");
  CHECK(state_of(journal, {1}) == TurnState::trained);  // whatever was said meanwhile, the weights have seen it
  CHECK(journal.turn({1})->exclusion.empty());
  journal.exclude_turn({1}, "withdrawn");
  CHECK(state_of(journal, {1}) == TurnState::trained);
  CHECK(journal.turn({2})->exclusion == "withdrawn");
  // A replay window made again leaves out what was withdrawn.
  CHECK(journal.used_samples(10, 1).size() == 1);
  journal.save_feedback(given({1}, 0));
  journal.withdraw_feedback("alice", "fb-1");
  CHECK(journal.used_samples(10, 1).empty());
}

TEST_CASE("a taken sample that is excluded is not replayed any more, and its step can be taken again") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  journal.save_turn(make_turn({1}));
  journal.save_verdict(make_verdict({1}));
  journal.save_sample(make_sample({1}));
  StepRecord step;
  step.step = step.version = 1;
  step.samples = {{{{1}, 0}, false}};
  step.shards = {{0}};
  journal.plan_step(step).get();
  CHECK(journal.used_samples(10, 1).size() == 1);
  journal.exclude_samples({1}, "unsteady");
  CHECK(journal.used_samples(10, 1).empty());
  CHECK(journal.was_taken({1}));
  CHECK(journal.samples_left(std::vector<SampleId>{{{1}, 0}}).size() == 1);
}

TEST_CASE("the choices of a request are found by its id") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  std::vector<TurnId> ids;
  for (const char* completion : {"c", "c/1", "c/15", "c0", "c-1", "d/1", "c/1/1"}) {
    Turn turn;
    turn.id = journal.next_turn_id();
    turn.completion_id = completion;
    journal.save_turn(turn);
    ids.push_back(turn.id);
  }
  CHECK(journal.choices_of("c") == std::vector<TurnId>{ids[0], ids[1], ids[2], ids[6]});
  CHECK(journal.choices_of("d") == std::vector<TurnId>{ids[5]});
  CHECK(journal.choices_of("e").empty());
}
