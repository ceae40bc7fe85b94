// Which prm rank judges which turn, and what happens to a turn that nobody answers for.

#include <map>

#include "roles/clock.hpp"
#include "roles/desk_support.hpp"
#include "roles/judge_desk.hpp"
#include "roles/messages.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct Desk {
  RecordingMailbox mailbox;
  std::vector<std::pair<Turn, Verdict>> judged;
  JudgeDesk desk;
  explicit Desk(std::vector<int> ranks, double timeout_s = 10)
      : desk(mailbox, std::move(ranks), timeout_s,
             [this](const Turn& turn, Verdict verdict) { judged.emplace_back(turn, std::move(verdict)); }) {}
  void submit(std::int64_t id, std::int32_t revision = 0) {
    Turn turn;
    turn.id = {id};
    turn.reply = "reply " + std::to_string(id);
    desk.submit(turn, revision);
  }
  void answer(std::int64_t id, std::int8_t score, std::int32_t revision = 0) {
    Verdict verdict;
    verdict.turn = {id};
    verdict.revision = revision;
    verdict.score = score;
    desk.take(verdict);
  }
  auto sent() { return mailbox.take<messages::JudgeTurn>(); }
};

}  // namespace

TEST_CASE("the judge is told the user's words, not what a client put behind them") {
  Desk d({6});
  Turn turn;
  turn.id = {1};
  for (const char* text :
       {"Sort the files", "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nx\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"}) {
    turn.messages.emplace_back();
    turn.messages.back().role = "user";
    turn.messages.back().text = text;
  }
  d.desk.submit(turn, 0);
  CHECK(d.sent().at(0).message.given.task == "Sort the files");
}

TEST_CASE("a turn goes out with what its user was told to want before") {
  Desk d({6});
  d.desk.earlier_hints = [](const Turn& turn) { return std::vector<std::string>{"before " + turn.reply}; };
  d.submit(4);
  CHECK(d.sent().at(0).message.given.earlier_hints == std::vector<std::string>{"before reply 4"});
}

TEST_CASE("where hints are compared a turn waits for the verdict on the one before it in its session") {
  Desk d({6, 7});
  std::vector<std::string> known;
  d.desk.in_order = true;
  d.desk.earlier_hints = [&](const Turn&) { return known; };
  const auto submit = [&](std::int64_t id, const std::string& session) {
    Turn turn;
    turn.id = {id};
    turn.session = session;
    d.desk.submit(turn, 0);
  };
  for (const auto& [id, session] : {std::pair{1, "a"}, {2, "a"}, {3, "b"}, {4, "a"}}) submit(id, session);
  const auto ids_sent = [&] {
    std::vector<TurnId> ids;
    for (const auto& one : d.sent()) ids.push_back(one.message.turn.id);
    return ids;
  };
  CHECK(ids_sent() == std::vector<TurnId>{{1}, {3}});
  CHECK(d.desk.waiting() == 4);
  d.answer(3, 1);
  CHECK(ids_sent().empty());
  known = {"Write more."};  // as on_judged() of the first learns
  d.answer(1, -1);
  const auto second = d.sent();
  REQUIRE(second.size() == 1);
  CHECK(second[0].message.turn.id == TurnId{2});
  CHECK(second[0].message.given.earlier_hints == known);
  d.desk.drop({2});  // erased: the next one goes
  CHECK(ids_sent() == std::vector<TurnId>{{4}});
}

TEST_CASE("turns go to the least busy rank and come back with their verdict") {
  Desk d({6, 7});
  for (int id = 1; id <= 4; ++id) d.submit(id, id);
  const auto sent = d.sent();
  CHECK(ranks_of(sent) == std::vector<int>{6, 7, 6, 7});
  CHECK(sent[2].port == Port::prm);
  CHECK(sent[2].message.turn.reply == "reply 3");
  CHECK(sent[2].message.revision == 3);
  d.answer(1, -1, 1);
  d.answer(3, 1, 3);  // rank 6 is free
  d.submit(5);
  d.submit(6);
  d.submit(7);
  CHECK(ranks_of(d.sent()) == std::vector<int>{6, 6, 6});
  REQUIRE(d.judged.size() == 2);
  CHECK(d.judged[1].first.id == TurnId{3});
  CHECK(d.judged[1].second.score == 1);
  CHECK(d.desk.waiting() == 5);
}

TEST_CASE("a rank gets a bounded number of turns; the rest waits here in order") {
  Desk d({3});
  for (int id = 1; id <= 100; ++id) d.submit(id);
  const std::size_t bound = d.sent().size();
  CHECK(bound == 64);
  CHECK(d.desk.waiting() == 100);
  for (int id = 1; id <= 10; ++id) d.answer(id, 0);
  const auto more = d.sent();
  REQUIRE(more.size() == 10);
  CHECK(more.front().message.turn.id == TurnId{65});
  CHECK(more.back().message.turn.id == TurnId{74});
}

TEST_CASE("a late turn is given to another rank once, then failed by name") {
  Desk d({6, 7}, 10);
  d.submit(1);
  REQUIRE(ranks_of(d.sent()) == std::vector<int>{6});
  const double now = monotonic_s();
  d.desk.tick(now + 5);
  CHECK(d.sent().empty());
  d.desk.tick(now + 11);
  CHECK(ranks_of(d.sent()) == std::vector<int>{7});
  CHECK(d.judged.empty());
  d.desk.tick(now + 30);
  CHECK(d.sent().empty());
  REQUIRE(d.judged.size() == 1);
  CHECK(d.judged[0].second.turn == TurnId{1});
  CHECK_THAT(d.judged[0].second.error, Catch::Matchers::Contains("rank 7"));
  CHECK_THAT(d.judged[0].second.error, Catch::Matchers::Contains("prm.timeout_s"));
  CHECK(d.desk.waiting() == 0);
}

TEST_CASE("after a second dispatch the first answer counts, whoever gives it, and the other is ignored") {
  Desk d({6, 7}, 10);
  d.submit(1);
  d.desk.tick(monotonic_s() + 11);
  CHECK(d.sent().size() == 2);
  d.answer(1, -1);
  d.answer(1, 1);
  REQUIRE(d.judged.size() == 1);
  CHECK(d.judged[0].second.score == -1);
  d.submit(2);  // the loads are what they were
  d.submit(3);
  CHECK(ranks_of(d.sent()) == std::vector<int>{6, 7});
}

TEST_CASE("one rank alone is not asked twice, and a verdict that nobody waits for is ignored") {
  Desk d({2}, 1);
  d.submit(1);
  d.answer(9, 1);
  d.answer(1, 1, 5);  // another revision
  CHECK(d.judged.empty());
  d.desk.tick(monotonic_s() + 2);
  CHECK(ranks_of(d.sent()) == std::vector<int>{2});
  REQUIRE(d.judged.size() == 1);
  CHECK_FALSE(d.judged[0].second.error.empty());
}
