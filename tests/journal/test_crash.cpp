// Killed processes, full disks, damaged files, a second opener.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fstream>
#include <set>

#include "core/error.hpp"
#include "journal/journal.hpp"
#include "made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

/// Runs `body(pipe)` in a child of its own; the child never returns.
template <class Body>
std::pair<pid_t, int> start_child(Body body) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    body(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  return {child, ends[0]};
}

void report(int pipe, std::int64_t number) {
  if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(9);
}

bool receive(int pipe, std::int64_t& number) {
  return ::read(pipe, &number, sizeof number) == sizeof number;
}

void write_for_ever(const std::string& path, int pipe) {
  Journal journal(path);
  for (;;) {
    const auto id = journal.next_turn_id();
    journal.save_turn(make_turn(id), [pipe, id](std::exception_ptr error) {
      if (!error) report(pipe, id.value);
    });
    if (id.value % 64 == 0) journal.sync(std::chrono::seconds(10));
  }
}

void check_reopened(const std::string& path, const std::set<std::int64_t>& durable) {
  Journal journal(path);
  for (const auto id : durable) {
    const auto turn = journal.turn({id});
    REQUIRE(turn);
    REQUIRE(turn->reply == make_turn({id}).reply);
  }
  CHECK(journal.next_turn_id().value > *durable.rbegin());
}

}  // namespace

TEST_CASE("after kill -9 every turn whose callback fired is there") {
  Folder folder;
  const auto path = folder.file("journal.db");
  std::set<std::int64_t> durable;
  for (const int count : {1, 40, 300}) {
    const auto [child, pipe] = start_child([&](int end) { write_for_ever(path, end); });
    std::int64_t id = 0;
    for (int i = 0; i < count && receive(pipe, id); ++i) CHECK(durable.insert(id).second);  // ids are never reused
    ::kill(child, SIGKILL);
    while (receive(pipe, id)) durable.insert(id);
    ::close(pipe);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    check_reopened(path, durable);
  }
}

TEST_CASE("a failed journal that drops goes on without recording") {
  Folder folder;
  Journal journal(folder.file("journal.db"), AfterFailure::drops);
  const TurnId kept = journal.next_turn_id();
  journal.save_turn(make_turn(kept));
  REQUIRE(journal.sync(std::chrono::seconds(30)));
  CHECK_FALSE(journal.failed());
  journal.set_turn_state({kept.value + 99}, TurnState::judging);  // of no turn, and nobody to tell: fails the journal
  CHECK_FALSE(journal.sync(std::chrono::seconds(30)));
  CHECK(journal.failed());
  CHECK(journal.failure().find("never saved") != std::string::npos);
  std::int64_t last = kept.value;
  for (int i = 0; i < 2000; ++i) {  // more than one block of reserved ids
    const TurnId id = journal.next_turn_id();
    CHECK(id.value > last);
    last = id.value;
  }
  std::string told;
  journal.save_turn(make_turn({last}), [&](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const UserError& problem) {
      told = problem.what();
    }
  });
  CHECK(told == journal.failure());
  CHECK_FALSE(journal.turn({last}));
  CHECK(journal.turn(kept));  // what was recorded can be read
  CHECK_THROWS_AS(journal.plan_step({}).get(), UserError);
}

TEST_CASE("a full disk fails the journal loudly and loses nothing that was durable") {
  Folder folder;
  const auto path = folder.file("journal.db");
  const auto [child, pipe] = start_child([&](int end) {
    ::signal(SIGXFSZ, SIG_IGN);
    Journal journal(path);
    const rlimit limit{400000, 400000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 1; i < 100000; ++i) try {
        Turn turn = make_turn(journal.next_turn_id());
        turn.exclusion = std::string(5000, 'x');
        journal.save_turn(turn, [end, i](std::exception_ptr error) { report(end, error ? -i : i); });
        journal.sync(std::chrono::seconds(10));
      } catch (const UserError& error) {
        const std::string text = error.what();
        if (text.find(path) == std::string::npos) ::_exit(3);
        try {
          journal.put("after", "failure");
          ::_exit(4);
        } catch (const UserError&) {
        }
        return;
      }
    ::_exit(5);
  });
  std::set<std::int64_t> durable;
  std::int64_t id = 0, refused = 0;
  while (receive(pipe, id)) {
    if (id > 0) durable.insert(id);
    if (id < 0) ++refused;
  }
  ::close(pipe);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(durable.size() >= 5);
  CHECK(refused >= 1);
  check_reopened(path, durable);
}

TEST_CASE("a second opener is refused with the file's name") {
  Folder folder;
  const auto path = folder.file("journal.db");
  auto first = std::make_unique<Journal>(path);
  CHECK_THROWS_WITH(Journal(path), Catch::Matchers::Contains(path) && Catch::Matchers::Contains("in use"));
  const auto [child, pipe] = start_child([&](int end) {
    try {
      Journal second(path);
    } catch (const UserError&) {
      report(end, 1);
    }
  });
  std::int64_t refused = 0;
  CHECK(receive(pipe, refused));
  ::close(pipe);
  ::waitpid(child, nullptr, 0);
  first->save_turn(make_turn({1}));
  CHECK(first->turn({1}));
  first.reset();
  CHECK(Journal(path).turn({1}));
}

TEST_CASE("files that are no journals are named") {
  Folder folder;
  const auto garbage = folder.file("garbage.db");
  std::ofstream(garbage) << std::string(8192, 'g');
  CHECK_THROWS_WITH(Journal(garbage), Catch::Matchers::Contains(garbage));
  CHECK_THROWS_WITH(JournalReader(garbage), Catch::Matchers::Contains(garbage));
  const auto nowhere = folder.file("no/such/journal.db");
  CHECK_THROWS_WITH(Journal(nowhere), Catch::Matchers::Contains(nowhere));
}

TEST_CASE("damage is found: pages on opening, records on reading") {
  Folder folder;
  const auto path = folder.file("journal.db");
  {
    Journal journal(path);
    for (int i = 1; i <= 200; ++i) journal.save_turn(make_turn({i}));
  }
  std::string bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto write = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(content.data(), static_cast<long>(content.size()));
  };
  std::string flipped = bytes;
  const auto place = flipped.find("sum of 2 and 77");
  REQUIRE(place != std::string::npos);
  flipped[place] ^= 1;
  write(flipped);
  {
    Journal journal(path);
    CHECK(journal.turn({76}));
    CHECK_THROWS_WITH(journal.turn({77}), Catch::Matchers::Contains(path) && Catch::Matchers::Contains("turn 77"));
  }
  write(bytes.substr(0, bytes.size() / 2 / 4096 * 4096));
  CHECK_THROWS_WITH(Journal(path), Catch::Matchers::Contains(path));
  write(std::string(bytes).replace(63, 1, 1, '\x63'));  // the schema version in the header
  CHECK_THROWS_WITH(Journal(path), Catch::Matchers::Contains("schema version 99"));
}
