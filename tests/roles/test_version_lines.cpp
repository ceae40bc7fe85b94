// Versions of several policy lines: each has its own newest, and they wait for one another.

#include "roles/version_desk_bench.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

/// With lines per user.
struct Lines : Desk {
  Lines()
      : Desk([] {
          auto s = settings();
          s.keep_base = true;
          return s;
        }()) {}
  void publish(const LineVersion& version) {
    desk.made(version, version, unix_s());
    arrive(version);
  }
  void arrive(const LineVersion& version, const LineVersion& dispatched = 0) {
    for (int rank : {2, 3, 4}) desk.complete(rank, {version.number, 100, ""}, dispatched);
  }
  std::vector<std::int64_t> retired() {
    std::vector<std::int64_t> versions;
    for (const auto& one : mailbox.take<messages::RetireVersion>())
      if (one.rank == 2) versions.push_back(one.message.version);
    return versions;
  }
};

}  // namespace

TEST_CASE("versions are kept and retired per line; the start weights stay") {
  Lines d;
  std::vector<std::int64_t> retired;
  for (const LineVersion& version :
       {LineVersion(1, "a"), LineVersion(2, "b"), LineVersion(3, "a"), LineVersion(4, "a")})
    d.publish(version);
  CHECK(d.retired() == std::vector<std::int64_t>{1});
  CHECK(d.desk.announced("a") == 4);
  CHECK(d.desk.announced("b") == 2);
  CHECK(d.desk.announced("c") == 0);
  CHECK(d.desk.announced() == 4);
  const auto use = d.mailbox.take<messages::UseVersion>();
  CHECK(use.back().message.line == "a");
  for (const auto& record : d.journal.versions())
    CHECK(record.version.line == (record.version.number == 2 ? "b" : "a"));
}

TEST_CASE("lines wait for one another in order; each is pushed as the trainers will hold it") {
  Lines d;
  d.desk.made({1, "a"}, {1, "a"}, unix_s());
  d.desk.made({2, "b"}, {2, "b"}, unix_s());
  d.desk.made({3, "c"}, {3, "c"}, unix_s());
  d.desk.made({4, "b"}, {4, "b"}, unix_s());
  CHECK(d.published() == std::vector<std::int64_t>{1, 1});
  d.arrive({1, "a"}, {5, "b"});  // the step that makes 5 was sent already
  const auto publish = d.mailbox.take<messages::Publish>();
  CHECK(publish[0].message.version == 3);
  CHECK(publish[0].message.line == "c");
  CHECK_FALSE(d.desk.settled());
  d.arrive({3, "c"}, {5, "b"});
  CHECK(d.published() == std::vector<std::int64_t>{5, 5});
  d.arrive({5, "b"}, {5, "b"});
  d.desk.made({5, "b"}, {5, "b"}, unix_s());
  CHECK(d.desk.settled());
}

TEST_CASE("a publication that waits for another line's step has its time from the end of that step") {
  Lines d;
  d.desk.made({1, "a"}, {2, "b"}, unix_s());
  CHECK_NOTHROW(d.desk.tick(monotonic_s() + 1000));
  d.desk.made({2, "b"}, {2, "b"}, unix_s());
  CHECK_NOTHROW(d.desk.tick(monotonic_s() + 60));
  CHECK_THROWS_WITH(d.desk.tick(monotonic_s() + 200), Catch::Contains("version 1 "));
}

TEST_CASE("a dropped line's versions are retired, one that travels when it has arrived") {
  Lines d;
  d.publish({1, "a"});
  d.publish({2, "a"});
  d.desk.made({3, "a"}, {3, "a"}, unix_s());
  d.desk.drop("a");
  CHECK(d.retired() == std::vector<std::int64_t>{1, 2});
  CHECK(d.desk.announced("a") == 0);
  CHECK(d.desk.committing());
  d.announced.clear();
  d.arrive({3, "a"});
  CHECK(d.retired() == std::vector<std::int64_t>{3});
  CHECK(d.announced.empty());
  CHECK(d.desk.settled());
  d.publish({4, "a"});
  CHECK(d.desk.announced("a") == 4);
}

TEST_CASE("the first token of each line's version is reported") {
  Lines d;
  d.publish({1, "a"});
  d.publish({2, "b"});
  for (std::int64_t version : {0, 2, 1, 2, 1}) d.desk.token(version);
  CHECK(d.first_tokens == std::vector<std::int64_t>{2, 1});
}

TEST_CASE("a version that was retired before anybody asked has no first token") {
  Lines d;
  for (std::int64_t version : {1, 2, 3}) d.publish({version, "a"});
  CHECK(d.retired() == std::vector<std::int64_t>{1});
  for (std::int64_t version : {1, 2, 3}) d.desk.token(version);
  CHECK(d.first_tokens == std::vector<std::int64_t>{2, 3});
}

TEST_CASE("a line is behind the shared one from the step that it has not seen until it waits to go out again") {
  Lines d;
  CHECK_FALSE(d.desk.behind("main", 0));
  d.publish({1, "a"});
  CHECK_FALSE(d.desk.behind("a", 1));
  CHECK(d.desk.behind("main", 1));  // never went out
  d.desk.rebased({2, "main"}, {1, "a"}, unix_s());
  CHECK_FALSE(d.desk.behind("main", 1));
  d.desk.made({3, "b"}, {3, "b"}, unix_s());
  CHECK(d.desk.behind("a", 3));
  CHECK(d.desk.behind("main", 3));  // it travels as it was before b's step
  CHECK_FALSE(d.desk.behind("b", 3));
  d.arrive({2, "main"}, {3, "b"});
  d.desk.rebased({4, "a"}, {3, "b"}, unix_s());
  CHECK_FALSE(d.desk.behind("a", 3));
  d.arrive({3, "b"}, {5, "b"});  // a goes out after b's next step was sent, and has seen it
  CHECK_FALSE(d.desk.behind("a", 5));
  d.arrive({4, "a"}, {5, "b"});
  CHECK(d.desk.announced("a") == 4);
  CHECK(d.desk.settled());
}

TEST_CASE("whoever goes out is named when the trainers are told, under the number that arrives") {
  Lines d;
  std::vector<LineVersion> pushed;
  d.desk.on_pushed = [&](const LineVersion& version) { pushed.push_back(version); };
  d.desk.made({1, "a"}, {2, "b"}, unix_s());
  d.desk.made({2, "b"}, {3, "b"}, unix_s());
  d.arrive({1, "a"}, {3, "b"});  // b goes out as what its step under way makes
  d.arrive({3, "b"}, {3, "b"});
  REQUIRE(pushed.size() == 2);
  CHECK((pushed[0].number == 1 && pushed[0].line == "a"));
  CHECK((pushed[1].number == 3 && pushed[1].line == "b"));
}

TEST_CASE("a line that goes out anew behind a step has its time from the end of that step") {
  Lines d;
  d.publish({1, "a"});
  d.desk.rebased({3, "main"}, {2, "a"}, unix_s());  // the trainers are busy with the step that makes 2
  CHECK_NOTHROW(d.desk.tick(monotonic_s() + 1000));
  d.desk.made({2, "a"}, {2, "a"}, unix_s());
  CHECK_THROWS_WITH(d.desk.tick(monotonic_s() + 200), Catch::Contains("version 3 "));
}
