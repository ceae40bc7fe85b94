#pragma once
// The seam to SQLite: everything in journal/ but the opening of the file speaks to it through these. Internal.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "core/ids.hpp"
#include "journal/record_codec.hpp"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace clawrl::journal {

/// What SQLite says of the file or the disk; becomes a UserError with the path further up.
struct StorageFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One prepared statement with its values, given in the order of the question marks. Not thread-safe.
class Query {
 public:
  template <class... Values>
  Query(SQLite::Database& database, const char* sql, const Values&... values) : Query(database, std::string(sql)) {
    int index = 0;
    (bind(++index, values), ...);
  }
  ~Query();
  Query(Query&&) noexcept;

  void bind(int index, std::int64_t value);
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, double value);
  void bind(int index, const std::string& value);
  void bind(int index, const Blob& value);  // not copied: `value` must outlive the last step
  void bind(int index, std::optional<std::int64_t> value);
  void bind(int index, std::optional<double> value);

  bool next();   // steps to the next row
  int run();     // for statements without rows: number of changed rows
  void reset();  // to be stepped again; values stay
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::optional<double> real_or_null(int column) const;
  std::string text(int column) const;
  std::span<const std::byte> blob(int column) const;  // valid until the next step

 private:
  Query(SQLite::Database& database, const std::string& sql);
  std::unique_ptr<SQLite::Statement> statement_;
};

template <class... Values>
int execute(SQLite::Database& database, const char* sql, const Values&... values) {
  return Query(database, sql, values...).run();
}

/// First column of the first row; 0 without a row or with NULL.
template <class... Values>
std::int64_t number(SQLite::Database& database, const char* sql, const Values&... values) {
  Query row(database, sql, values...);
  return row.next() ? row.integer(0) : 0;
}

/// A transaction that is rolled back unless commit() was reached.
class Transaction {
 public:
  enum class Kind { read, write };
  Transaction(SQLite::Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  SQLite::Database& database_;
  bool open_ = true;
};

inline std::string label(SampleId id) {
  return std::to_string(id.turn.value) + "." + std::to_string(id.revision);
}

}  // namespace clawrl::journal
