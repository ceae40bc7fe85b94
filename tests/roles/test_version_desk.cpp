// Push, announce, retire: their order, what coalesces, and what is held.

#include "core/error.hpp"
#include "roles/version_desk_bench.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("a version is pushed by all trainers, and announced when every receiver holds it") {
  Desk d(settings());
  d.desk.made(1, 1, unix_s());
  const auto publish = d.mailbox.take<messages::Publish>();
  CHECK(ranks_of(publish) == std::vector<int>{0, 1});
  CHECK(publish[0].message.receivers == std::vector<int>{2, 3, 4});
  CHECK(d.desk.committing());
  d.complete(2, 1, 1);
  d.complete(4, 1, 1);
  CHECK(d.mailbox.posted.empty());
  CHECK(d.desk.announced() == 0);
  d.complete(3, 1, 1);
  const auto load = d.mailbox.take<messages::LoadVersion>();
  CHECK(ranks_of(load) == std::vector<int>{2, 3, 4});
  CHECK(load[2].port == Port::prm);
  const auto use = d.mailbox.take<messages::UseVersion>();
  CHECK(ranks_of(use) == std::vector<int>{2, 3, 4});
  CHECK(use[0].port == Port::rollout);
  CHECK(use[2].port == Port::prm);
  CHECK(d.announced == std::vector<std::int64_t>{1});
  CHECK(d.desk.settled());
  CHECK(d.meter.published_bytes == 300);
  CHECK(d.announced_bytes == 300);
}

TEST_CASE("versions made during a publication coalesce to the newest that the trainers will hold") {
  Desk d(settings());
  d.desk.made(1, 1, unix_s());
  CHECK(d.published() == std::vector<std::int64_t>{1, 1});
  for (std::int64_t version : {2, 3, 4}) d.desk.made(version, version, unix_s());
  CHECK(d.published().empty());
  for (int rank : {2, 3, 4}) d.complete(rank, 1, 5);  // the step that makes 5 was sent already
  CHECK(d.published() == std::vector<std::int64_t>{5, 5});
  CHECK_FALSE(d.desk.settled());
  for (int rank : {2, 3, 4}) d.complete(rank, 5, 5);
  CHECK(d.announced == std::vector<std::int64_t>{1, 5});
  d.desk.made(5, 5, unix_s());  // its step ends after its weights travelled: nothing more to send
  CHECK(d.published().empty());
  CHECK(d.desk.settled());
}

TEST_CASE("retired are the oldest, after the announcement that pushes them out") {
  auto s = settings();
  s.keep_versions = 2;
  Desk d(s);
  std::vector<std::int64_t> retired;
  for (std::int64_t version = 1; version <= 4; ++version) {
    d.desk.made(version, version, unix_s());
    for (int rank : {2, 3, 4}) d.complete(rank, version, version);
    bool announced = false;
    for (const Posted& one : d.mailbox.posted) {
      announced |= one.type == messages::UseVersion::type_id;
      if (one.type == messages::RetireVersion::type_id) CHECK(announced);
    }
    const auto retire = d.mailbox.take<messages::RetireVersion>();
    if (!retire.empty()) {
      CHECK(ranks_of(retire) == std::vector<int>{2, 3, 4});
      retired.push_back(retire[0].message.version);
    }
    d.mailbox.posted.clear();
  }
  CHECK(retired == std::vector<std::int64_t>{0, 1, 2});
  const auto records = d.journal.versions();
  REQUIRE(records.size() == 5);  // 0 was retired, too
  for (const auto& record : records) CHECK((record.retired_s > 0) == (record.version.number <= 2));
}

TEST_CASE("teachers that need the base version keep it") {
  auto s = settings();
  s.keep_versions = 1;
  s.keep_base_on_teachers = true;
  Desk d(s);
  d.desk.made(1, 1, unix_s());
  for (int rank : {2, 3, 4}) d.complete(rank, 1, 1);
  CHECK(ranks_of(d.mailbox.take<messages::RetireVersion>()) == std::vector<int>{2, 3});
}

TEST_CASE("a rank that plays both roles is waited for once and told on both ports") {
  VersionDeskSettings s;
  s.trainers = s.rollouts = s.teachers = {0};
  Desk d(s);
  d.desk.made(1, 1, unix_s());
  CHECK(d.mailbox.take<messages::Publish>()[0].message.receivers == std::vector<int>{0});
  d.complete(0, 1, 1);
  const auto use = d.mailbox.take<messages::UseVersion>();
  REQUIRE(use.size() == 2);
  CHECK(use[0].port != use[1].port);
}

TEST_CASE("what goes wrong is named: an error of a receiver, a publication without end") {
  Desk d(settings());
  d.desk.made(7, 7, unix_s());
  d.complete(3, 6, 7, "stale");  // of another version: ignored
  CHECK_THROWS_WITH(d.complete(3, 7, 7, "checksum of embed does not agree"),
                    Catch::Matchers::Contains("rank 3") && Catch::Matchers::Contains("version 7") &&
                        Catch::Matchers::Contains("checksum of embed"));
  CHECK_NOTHROW(d.desk.tick(monotonic_s() + 60));
  CHECK_THROWS_AS(d.desk.tick(monotonic_s() + 200), UserError);
}

TEST_CASE("the first token of a version is reported once") {
  Desk d(settings());
  d.desk.made(1, 1, unix_s());
  for (int rank : {2, 3, 4}) d.complete(rank, 1, 1);
  for (std::int64_t version : {0, 0, 1, 0, 1}) d.desk.token(version);
  CHECK(d.first_tokens == std::vector<std::int64_t>{1});
  CHECK(d.meter.commit_to_first_token_s.summary().count == 1);
}

TEST_CASE("kept versions stay alive beside the newest, and go when they are let go") {
  Desk d(settings());  // keeps 2
  d.desk.keep({0, 2});
  for (std::int64_t version = 1; version <= 5; ++version) d.arrive(version);
  CHECK(d.told<messages::RetireVersion>(2) == std::vector<std::int64_t>{1, 3});
  d.desk.keep({4});
  CHECK(d.told<messages::RetireVersion>(4) == std::vector<std::int64_t>{0, 2});
}

TEST_CASE("a hold takes serving back, on every follower, and lets the later versions go") {
  Desk d(settings());
  d.desk.keep({1});
  for (std::int64_t version = 1; version <= 3; ++version) d.arrive(version);
  d.mailbox.posted.clear();
  d.desk.hold(1);
  CHECK(d.desk.held());
  CHECK(d.desk.announced() == 1);
  CHECK(d.desk.settled());
  for (int rank : {2, 4}) {  // a rank must not retire what is its newest: told to use another one first
    std::vector<std::uint16_t> order;
    for (const Posted& one : d.mailbox.posted)
      if (one.rank == rank) order.push_back(one.type);
    CHECK(order == std::vector<std::uint16_t>{messages::UseVersion::type_id, messages::RetireVersion::type_id,
                                              messages::RetireVersion::type_id});
  }
  CHECK(d.told<messages::UseVersion>(3) == std::vector<std::int64_t>{1});
  CHECK(d.told<messages::RetireVersion>(3) == std::vector<std::int64_t>{2, 3});
}

TEST_CASE("while serving is held a version waits as the candidate, and nothing newer is published meanwhile") {
  Desk d(settings());
  d.desk.keep({1});
  for (std::int64_t version = 1; version <= 2; ++version) d.arrive(version);
  d.desk.hold(1);
  d.mailbox.posted.clear();
  d.announced.clear();
  d.arrive(3);
  CHECK(d.desk.candidate() == 3);
  CHECK(ranks_of(d.mailbox.take<messages::LoadVersion>()) == std::vector<int>{2, 3});
  CHECK(d.mailbox.take<messages::UseVersion>().empty());
  CHECK(d.announced.empty());
  CHECK(d.desk.settled());
  CHECK(d.published() == std::vector<std::int64_t>{3, 3});
  for (std::int64_t version : {4, 5}) d.desk.made(version, version, unix_s());
  CHECK(d.published().empty());

  d.desk.refuse(5);
  CHECK(d.told<messages::RetireVersion>(4) == std::vector<std::int64_t>{3});
  CHECK(d.published() == std::vector<std::int64_t>{5, 5});  // those in between were never asked for
  CHECK(d.desk.candidate() == 0);
  for (int rank : {2, 3, 4}) d.complete(rank, 5, 5);
  CHECK(d.desk.candidate() == 5);
  CHECK(d.desk.announced() == 1);

  d.desk.made(6, 6, unix_s());
  d.desk.admit(6);
  CHECK_FALSE(d.desk.held());
  CHECK(d.desk.announced() == 5);
  CHECK(d.announced == std::vector<std::int64_t>{5});
  CHECK(d.told<messages::UseVersion>(2) == std::vector<std::int64_t>{5});
  CHECK(d.published() == std::vector<std::int64_t>{6, 6});
  for (int rank : {2, 3, 4}) d.complete(rank, 6, 6);
  CHECK(d.desk.announced() == 6);
  CHECK_THROWS_AS(d.desk.admit(6), InternalError);
  CHECK_THROWS_AS(d.desk.refuse(6), InternalError);
}

TEST_CASE("a version that was on its way when serving was held is a candidate; a retired one cannot be served again") {
  Desk d(settings());
  d.arrive(1);
  d.desk.made(2, 2, unix_s());
  d.desk.hold(0);
  for (int rank : {2, 3, 4}) d.complete(rank, 2, 2);
  CHECK(d.desk.candidate() == 2);
  CHECK(d.desk.announced() == 0);
  CHECK_THROWS_WITH(d.desk.hold(1), Catch::Matchers::Contains("version 1"));
}
