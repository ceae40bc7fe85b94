// Another program that locks the journal's file: waited for, and a failure with its cause when it does not let go.

#include <unistd.h>

#include <cstdio>
#include <thread>
#include <utility>

#include "core/error.hpp"
#include "journal/journal.hpp"
#include "made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using namespace std::chrono_literals;

namespace {

/// A real other program: Python's sqlite3 begins to write and waits.
class Locker {
 public:
  explicit Locker(const std::string& path) : held_(path + ".held") {
    const std::string script =
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); "
        "open(sys.argv[2], 'w').close(); sys.stdin.read(); c.execute('ROLLBACK')";
    pipe_ = popen(("exec python3 -c \"" + script + "\" '" + path + "' '" + held_ + "'").c_str(), "w");
    REQUIRE(pipe_);
    for (int i = 0; i < 3000 && access(held_.c_str(), F_OK) != 0; ++i) std::this_thread::sleep_for(10ms);
    REQUIRE(access(held_.c_str(), F_OK) == 0);
  }
  ~Locker() { release(); }
  void release() {
    if (pipe_) pclose(std::exchange(pipe_, nullptr));
  }

 private:
  std::string held_;
  FILE* pipe_ = nullptr;
};

}  // namespace

TEST_CASE("a lock that another program holds is waited for, reads go on meanwhile") {
  Folder folder;
  const std::string path = folder.file("journal.db");
  Journal journal(path);
  journal.save_turn(make_turn(journal.next_turn_id(), "before"));
  REQUIRE(journal.sync(30s));
  Locker other(path);
  std::promise<bool> written;
  journal.save_turn(make_turn(TurnId{2}, "meanwhile"), [&](std::exception_ptr error) { written.set_value(!error); });
  CHECK_FALSE(journal.sync(300ms));
  CHECK_FALSE(journal.failed());
  CHECK(JournalReader(path).turns_of("before").size() == 1);
  other.release();
  CHECK(written.get_future().get());
  CHECK(journal.turns_of("meanwhile").size() == 1);
}

TEST_CASE("a lock that stays fails the journal, with the cause") {
  Folder folder;
  const std::string path = folder.file("journal.db");
  Journal journal(path, AfterFailure::drops);
  Locker other(path);
  std::promise<std::exception_ptr> written;
  journal.save_turn(make_turn(TurnId{1}, "s"), [&](std::exception_ptr error) { written.set_value(error); });
  CHECK_THROWS_AS(std::rethrow_exception(written.get_future().get()), UserError);
  CHECK(journal.failed());
  INFO(journal.failure());
  CHECK(journal.failure().find("locked") != std::string::npos);
  CHECK(journal.failure().find(path) != std::string::npos);
}
