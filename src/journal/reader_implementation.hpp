#pragma once
// The read connection behind JournalReader. Internal to journal/'s .cpp files.

#include <mutex>

#include "core/error.hpp"
#include "journal/journal_reader.hpp"
#include "journal/query.hpp"

namespace clawrl {

struct JournalReader::Implementation {
  std::string path;
  std::function<void()> settle;
  std::mutex mutex;
  std::unique_ptr<SQLite::Database> database;

  /// Runs `body(database)` inside one read transaction.
  template <class Body>
  auto read(Body body) {
    if (settle) settle();
    const std::lock_guard guard(mutex);
    expect(database != nullptr, "journal " + path + ": read after it was closed");
    try {
      journal::Transaction state(*database, journal::Transaction::Kind::read);
      return body(*database);
    } catch (const journal::StorageFailure& error) {
      throw UserError("journal " + path + ": cannot be read: " + error.what());
    }
  }

  /// From the columns record and hint_agreement, in that order.
  Verdict verdict(const journal::Query& row, TurnId turn) const {
    auto read = journal::decode<Verdict>(row.blob(0), record("verdict of turn", std::to_string(turn.value)));
    if (const auto agreement = row.real_or_null(1)) read.hint_agreement = static_cast<float>(*agreement);
    return read;
  }

  template <class Id>
  std::string record(const char* kind, const Id& id) const {
    return "journal " + path + ": " + kind + " " + id;
  }
};

}  // namespace clawrl
