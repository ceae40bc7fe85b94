// Another program that locks the journal's file: waited for, and a failure with its cause when it does not let go.

#include <SQLiteCpp/SQLiteCpp.h>

#include "core/error.hpp"
#include "journal/journal.hpp"
#include "made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;
using namespace std::chrono_literals;

TEST_CASE("a lock that another program holds is waited for, reads go on meanwhile") {
  Folder folder;
  const std::string path = folder.file("journal.db");
  Journal journal(path);
  journal.save_turn(make_turn(journal.next_turn_id(), "before"));
  REQUIRE(journal.sync(30s));
  SQLite::Database other(path, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  std::promise<bool> written;
  journal.save_turn(make_turn(TurnId{2}, "meanwhile"), [&](std::exception_ptr error) { written.set_value(!error); });
  CHECK_FALSE(journal.sync(300ms));
  CHECK_FALSE(journal.failed());
  CHECK(JournalReader(path).turns_of("before").size() == 1);
  other.exec("ROLLBACK");
  CHECK(written.get_future().get());
  CHECK(journal.turns_of("meanwhile").size() == 1);
}

TEST_CASE("a lock that stays fails the journal, with the cause") {
  Folder folder;
  const std::string path = folder.file("journal.db");
  Journal journal(path, AfterFailure::drops);
  SQLite::Database other(path, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  std::promise<std::exception_ptr> written;
  journal.save_turn(make_turn(TurnId{1}, "s"), [&](std::exception_ptr error) { written.set_value(error); });
  CHECK_THROWS_AS(std::rethrow_exception(written.get_future().get()), UserError);
  CHECK(journal.failed());
  INFO(journal.failure());
  CHECK(journal.failure().find("locked") != std::string::npos);
  CHECK(journal.failure().find(path) != std::string::npos);
}
