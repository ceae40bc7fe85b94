// Everything that is saved is there after reopening, with the states that the life cycle says.

#include <algorithm>
#include <cstdlib>

#include "core/error.hpp"
#include "journal/journal.hpp"
#include "made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

bool same(const Turn& a, const Turn& b) {
  return a.id == b.id && a.session == b.session && a.index == b.index && a.messages == b.messages &&
         a.prompt == b.prompt && a.completion.ids == b.completion.ids &&
         a.completion.logprobs == b.completion.logprobs && a.completion.versions == b.completion.versions &&
         a.reply == b.reply && a.next_state == b.next_state && a.state == b.state && a.exclusion == b.exclusion &&
         a.model == b.model && a.created_s == b.created_s;
}

}  // namespace

TEST_CASE("turns, verdicts, samples, versions and metadata survive reopening") {
  Folder folder;
  const auto path = folder.file("journal.db");
  Turn turn;
  {
    Journal journal(path);
    turn = make_turn(journal.next_turn_id());
    journal.save_turn(turn);
    turn.next_state = {{"user", "I do not like bold.", "", {}, ""}};
    journal.save_next_state(turn.id, turn.next_state);
    journal.save_verdict(make_verdict(turn.id));
    journal.save_verdict(make_verdict(turn.id, 1, 1));
    journal.save_sample(make_sample(turn.id));
    journal.save_version({"main", 7, "base", ""}, VersionEvent::made, "step 7");
    journal.save_version({"main", 7, "base", ""}, VersionEvent::announced);
    journal.save_event("operator", "paused learning");
    journal.put("configuration", "ranks = 8\n");
    journal.put("configuration", "ranks = 4\n");
  }
  Journal journal(path);
  turn.state = TurnState::sampled;  // answered -> scored by the verdict -> sampled by the sample
  REQUIRE(journal.turn(turn.id));
  CHECK(same(*journal.turn(turn.id), turn));
  CHECK(journal.verdict({turn.id, 0})->hints == std::vector<std::string>{"No bold text."});
  CHECK(journal.verdict({turn.id, 0})->votes == make_verdict(turn.id).votes);
  CHECK(journal.verdict({turn.id, 0})->teacher.logprobs == make_verdict(turn.id).teacher.logprobs);
  CHECK(journal.newest_verdict(turn.id)->revision == 1);
  CHECK(journal.newest_verdict(turn.id)->hint_agreement == -0.5F);
  CHECK_FALSE(journal.verdict({turn.id, 2}));
  const SampleId id{turn.id, 0};
  CHECK(journal.samples(std::span(&id, 1))[0].ids == make_sample(turn.id).ids);
  REQUIRE(journal.versions().size() == 1);
  CHECK(journal.versions()[0].note == "step 7");
  CHECK(journal.versions()[0].announced_s >= journal.versions()[0].made_s);
  CHECK(journal.highest_version() == 7);
  CHECK(journal.events().back().text == "paused learning");
  CHECK(journal.get("configuration") == "ranks = 4\n");
  CHECK_FALSE(journal.get("absent"));
  const SampleId unknown{{999}, 0};
  CHECK_THROWS_WITH(journal.samples(std::span(&unknown, 1)), Catch::Matchers::Contains("999.0"));
}

TEST_CASE("turn ids grow and are never handed out twice") {
  Folder folder;
  std::int64_t last = 0;
  for (int opened = 0; opened < 3; ++opened) {
    Journal journal(folder.file("journal.db"));
    for (int i = 0; i < 700; ++i) {  // more than the blocks that are reserved at once
      const auto id = journal.next_turn_id().value;
      REQUIRE(id == last + 1);  // a clean close leaves no gap
      last = id;
    }
  }
}

TEST_CASE("the life cycle: which turns are open, what becomes of half ones") {
  Folder folder;
  const auto path = folder.file("journal.db");
  {
    Journal journal(path);
    const TurnState states[] = {TurnState::generating, TurnState::answered, TurnState::judging, TurnState::expired,
                                TurnState::side,       TurnState::aborted,  TurnState::answered};
    for (int i = 0; i < 7; ++i) journal.save_turn(make_turn({i + 1}, i % 2 ? "alice" : "bob", states[i]));
    auto failed = make_verdict({7});
    failed.error = "no vote was valid";
    journal.save_verdict(failed);
    journal.set_turn_state({2}, TurnState::judging);
  }
  Journal journal(path);
  CHECK(journal.turn({1})->state == TurnState::aborted);
  CHECK(journal.events().back().kind == "recovered");
  CHECK(journal.turn({7})->state == TurnState::excluded);
  CHECK(journal.turn({7})->exclusion == "judge_failed");
  std::vector<std::int64_t> open;
  for (const auto& turn : journal.open_turns()) open.push_back(turn.id.value);
  CHECK(open == std::vector<std::int64_t>{2, 3, 4});
  CHECK(journal.turns_of("alice") == std::vector<TurnId>{{2}, {4}, {6}});
  const auto lengths = journal.session_lengths(0, 100);
  const std::pair<std::string, std::int32_t> alice{"alice", 7};
  CHECK(std::find(lengths.begin(), lengths.end(), alice) != lengths.end());
  CHECK(journal.session_lengths(0, 1).size() == 1);
  CHECK(journal.session_lengths(1e12, 100).empty());
  CHECK(journal.turns_in(TurnState::judging) == std::vector<TurnId>{{2}, {3}});
  journal.save_verdict(make_verdict({4}));  // an expired turn, judged without a next state
  CHECK(journal.turn({4})->state == TurnState::scored);
  CHECK(journal.open_turns().size() == 2);
  const auto summary = journal.summary();
  CHECK(summary.turns.at("judging") == 2);
  CHECK(summary.exclusions.at("judge_failed") == 1);
  CHECK(summary.verdicts_failed == 1);
  CHECK(summary.sessions == 2);
  CHECK_THAT(to_text(summary), Catch::Matchers::Contains("judging 2"));
}

TEST_CASE("a state or next state of an unknown turn is refused and nothing else is touched") {
  Folder folder;
  Journal journal(folder.file("journal.db"));
  std::promise<std::exception_ptr> answer;
  journal.save_turn(make_turn({1}));
  journal.set_turn_state({2}, TurnState::judging, "", [&](std::exception_ptr error) { answer.set_value(error); });
  journal.save_turn(make_turn({3}));
  auto answered = answer.get_future();
  REQUIRE(answered.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  const std::exception_ptr refused = answered.get();
  REQUIRE(refused);
  CHECK(journal.turn({3}));
  CHECK_THROWS_AS(std::rethrow_exception(refused), InternalError);
  CHECK(journal.turn({1})->state == TurnState::answered);
}

TEST_CASE("the watermark grows with every change; readers beside the run and snapshots see the same") {
  Folder folder;
  const auto path = folder.file("journal.db");
  Journal journal(path);
  const auto before = journal.watermark();
  journal.save_turn(make_turn({1}));
  const auto after = journal.watermark();
  CHECK(after > before);
  JournalReader reader(path);
  CHECK(reader.watermark() == after);
  CHECK(reader.turn({1})->reply == "**3**");
  journal.save_turn(make_turn({2}));
  journal.snapshot(folder.file("copy.db"));
  CHECK_FALSE(std::filesystem::exists(folder.file("copy.db.tmp")));
  CHECK(JournalReader(folder.file("copy.db")).turn({2}));
  CHECK(JournalReader(folder.file("copy.db")).watermark() == journal.watermark());
  CHECK_THROWS_AS(journal.snapshot(folder.file("no/such/folder/copy.db")), UserError);
  CHECK_THROWS_WITH(JournalReader(folder.file("absent.db")), Catch::Matchers::Contains("absent.db"));
}

TEST_CASE("audits are kept set by set, in order") {
  Folder folder;
  const auto path = folder.file("journal.db");
  {
    Journal journal(path);
    CHECK(journal.audits().empty());
    journal.save_audit({{0, "accuracy", 50, 47, 0, 0, 0, "reference", "online_rl"}});
    journal.save_audit({{3, "accuracy", 50, 20, 28, 1, 0, "failed", "online_rl"},
                        {3, "language", 40, 36, 4, 0, 2.5, "passed", "online_rl"}});
    const auto audits = journal.audits();
    REQUIRE(audits.size() == 3);
    CHECK(audits[0].result == "reference");
    CHECK(audits[0].score() == 0.94);
    CHECK(audits[1].set == "accuracy");
    CHECK(audits[1].lost == 28);
    CHECK(audits[1].gained == 1);
    CHECK(audits[1].at_s > 1e9);
    CHECK(audits[2].version == 3);
    CHECK(audits[2].passed == 36);
    CHECK(audits[2].loss == 2.5);
  }
  CHECK(JournalReader(path).audits().size() == 3);
}
