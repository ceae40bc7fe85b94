// What is erased is gone: from the tables, from the files' bytes, and for everything that comes in late.

#include <algorithm>
#include <fstream>
#include <future>
#include <iterator>

#include "core/error.hpp"
#include "journal/journal.hpp"
#include "journal/made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using namespace std::chrono_literals;

namespace {

const std::string marker = "quokka-in-the-journal";

std::string bytes_of(const Folder& folder) {
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  return bytes;
}

/// A turn of `user` with verdict, sample and next state; the marker is in all its texts.
TurnId saved(Journal& journal, const std::string& key, const std::string& user, const std::string& session) {
  Turn turn = make_turn(journal.next_turn_id(), session);
  turn.key = key;
  turn.user = user;
  turn.messages[1].text += marker + std::string(9000, 'x');  // onto overflow pages
  turn.reply = marker;
  journal.save_turn(turn);
  journal.save_next_state(turn.id, {{"user", marker, "", {}, ""}});
  Verdict verdict = make_verdict(turn.id);
  verdict.hints = {marker};
  journal.save_verdict(verdict);
  journal.save_sample(make_sample(turn.id));
  return turn.id;
}

TurnSelection of(std::optional<std::string> key, std::optional<std::string> user, std::optional<std::string> session) {
  TurnSelection wanted;
  wanted.key = std::move(key);
  wanted.user = std::move(user);
  wanted.session = std::move(session);
  return wanted;
}

ErasedRows erase(Journal& journal, std::vector<TurnId> ids) {
  auto rows = std::make_shared<ErasedRows>();
  journal.erase_turns(std::move(ids), rows);
  REQUIRE(journal.sync(20s));
  return *rows;
}

bool purge(Journal& journal) {
  auto promise = std::make_shared<std::promise<bool>>();
  journal.purge([promise](bool done) { promise->set_value(done); });
  auto future = promise->get_future();
  REQUIRE(future.wait_for(20s) == std::future_status::ready);
  return future.get();
}

StepRecord step_of(std::int64_t step, const std::vector<TurnId>& turns) {
  StepRecord record;
  record.step = record.version = step;
  record.shards.resize(1);
  for (TurnId id : turns) {
    record.shards[0].push_back(static_cast<std::int32_t>(record.samples.size()));
    record.samples.push_back({{id, 0}, false});
  }
  return record;
}

}  // namespace

TEST_CASE("turns are selected by key, user and session, and by time") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  const TurnId a = saved(journal, "app", "mia", "app:1"), b = saved(journal, "app", "tom", "app:2"),
               c = saved(journal, "other", "mia", "other:1");
  using Ids = std::vector<TurnId>;
  CHECK(journal.select_turns(of("app", {}, {})) == Ids{a, b});
  CHECK(journal.select_turns(of({}, "mia", {})) == Ids{a, c});
  CHECK(journal.select_turns(of("app", "mia", {})) == Ids{a});
  CHECK(journal.select_turns(of({}, {}, "other:1")) == Ids{c});
  CHECK(journal.select_turns(of("app", "nobody", {})).empty());
  CHECK_THROWS_AS(journal.select_turns({}), InternalError);
  TurnSelection part = of({}, "mia", {});
  part.limit = 1;
  CHECK(journal.select_turns(part) == Ids{a});
  part.after = a.value;
  CHECK(journal.select_turns(part) == Ids{c});
  part.until_s = 0;
  CHECK(journal.select_turns(part).empty());
}

TEST_CASE("erased turns leave no row and no byte, others stay") {
  Folder folder;
  {
    Journal journal(folder.file("journal.sqlite"));
    const TurnId a = saved(journal, "app", "mia", "app:1"), b = saved(journal, "app", "mia", "app:1");
    Turn kept = make_turn(journal.next_turn_id(), "app:2");
    journal.save_turn(kept);
    REQUIRE(journal.sync(20s));
    REQUIRE(bytes_of(folder).find(marker) != std::string::npos);
    const ErasedRows rows = erase(journal, {a, b});
    CHECK(rows.turns == 2);
    CHECK(rows.verdicts == 2);
    CHECK(rows.samples == 2);
    CHECK(purge(journal));
    CHECK(bytes_of(folder).find(marker) == std::string::npos);
    CHECK_FALSE(journal.turn(a));
    CHECK_FALSE(journal.newest_verdict(a));
    CHECK(journal.samples_on(a).empty());
    CHECK(journal.turn(kept.id));
    CHECK(erase(journal, {a, b}).turns == 0);  // again: nothing, and no error
    journal.snapshot(folder.file("copy.sqlite"));
  }
  CHECK(bytes_of(folder).find(marker) == std::string::npos);
  CHECK(JournalReader(folder.file("copy.sqlite")).summary().turns.size() == 1);
}

TEST_CASE("what comes in late for an erased turn is dropped and does no harm") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  const TurnId id = saved(journal, "app", "mia", "app:1");
  Turn turn = journal.turn(id).value();
  erase(journal, {id});
  journal.save_turn(turn);
  journal.save_next_state(id, {{"user", marker, "", {}, ""}});
  journal.set_turn_state(id, TurnState::expired);
  journal.save_verdict(make_verdict(id));
  journal.save_sample(make_sample(id));
  journal.exclude_sample({id, 0}, "stale");
  REQUIRE(journal.sync(20s));
  CHECK_FALSE(journal.turn(id));
  CHECK_FALSE(journal.newest_verdict(id));
  CHECK(journal.unused_samples().empty());
  CHECK(journal.next_turn_id() > id);  // and the journal goes on
}

TEST_CASE("what was trained is told, and stays on record by its ids") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  const TurnId a = saved(journal, "app", "mia", "s"), b = saved(journal, "app", "mia", "s"),
               c = saved(journal, "app", "mia", "s");
  journal.plan_step(step_of(1, {a, b})).get();
  journal.finish_step(1, {}, "hash");
  journal.plan_step(step_of(2, {c})).get();  // never finished: no weights have seen it
  const std::vector<TurnId> ids{a, b, c};
  CHECK(journal.trained_uses(ids) == std::vector<TrainedUse>{{a, 0, 1, 1}, {b, 0, 1, 1}});
  StepMetrics again;  // taken again after a restart, under another number
  again.version = 7;
  journal.finish_step(1, again, "hash");
  CHECK(journal.trained_uses(ids) == std::vector<TrainedUse>{{a, 0, 1, 7}, {b, 0, 1, 7}});
  erase(journal, {a, c});
  REQUIRE(journal.steps(1, 2).size() == 2);
  CHECK(journal.steps(1, 1)[0].samples.size() == 2);
  CHECK(journal.used_samples(10, 2) == std::vector<SampleId>{{b, 0}});
  const std::vector<SampleId> planned{{a, 0}, {b, 0}};
  CHECK(journal.samples_left(planned).size() == 1);
  CHECK_THROWS_WITH(journal.samples(planned), Catch::Contains("is not there"));
  journal.finish_step(2, {}, "hash");
  CHECK(journal.sync(20s));
}

TEST_CASE("the oldest turns are found unless a step since the checkpoint took them") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  std::vector<TurnId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(saved(journal, "", "", "s"));  // created at 1000.5 + id
  journal.plan_step(step_of(1, {ids[0]})).get();
  journal.plan_step(step_of(2, {ids[1]})).get();
  const double before = 1000.5 + static_cast<double>(ids[3].value);
  using Ids = std::vector<TurnId>;
  CHECK(journal.turns_before(before, 2, 100) == Ids{ids[0], ids[1], ids[2]});
  CHECK(journal.turns_before(before, 1, 100) == Ids{ids[0], ids[2]});
  CHECK(journal.turns_before(before, 2, 1) == Ids{ids[0]});
  CHECK(journal.turns_before(0, 2, 100).empty());
}

TEST_CASE("rules of sessions outlive the process") {
  Folder folder;
  {
    Journal journal(folder.file("journal.sqlite"));
    journal.save_session_learning(7, Learning::off);
    journal.save_session_learning(-8, Learning::store);
    journal.save_session_learning(9, Learning::off);
    journal.save_session_learning(9, Learning::learn);
  }
  const auto rules = Journal(folder.file("journal.sqlite")).session_learning();
  REQUIRE(rules.size() == 2);
  CHECK(std::find(rules.begin(), rules.end(), std::make_pair(std::int64_t{7}, Learning::off)) != rules.end());
  CHECK(std::find(rules.begin(), rules.end(), std::make_pair(std::int64_t{-8}, Learning::store)) != rules.end());
}
