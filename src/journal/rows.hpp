#pragma once
// Rows <-> structs. Internal: only the .cpp files of journal/ may include it, since it brings SQLite in.

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

#include "core/ids.hpp"
#include "journal/record_codec.hpp"

namespace clawrl::journal {

/// The statement must be run before the blob dies.
inline void bind_blob(SQLite::Statement& statement, int index, const Blob& blob) {
  statement.bindNoCopy(index, blob.data(), static_cast<int>(blob.size()));
}

/// Valid until the statement's next step.
inline std::span<const std::byte> blob_of(SQLite::Statement& row, int column) {
  const SQLite::Column value = row.getColumn(column);
  return {static_cast<const std::byte*>(value.getBlob()), static_cast<std::size_t>(value.getBytes())};
}

template <class... Values>
SQLite::Statement prepare(SQLite::Database& database, const char* sql, const Values&... values) {
  SQLite::Statement statement(database, sql);
  int index = 0;
  (statement.bind(++index, values), ...);
  return statement;
}

template <class... Values>
int execute(SQLite::Database& database, const char* sql, const Values&... values) {
  return prepare(database, sql, values...).exec();
}

/// First column of the first row; 0 without a row or with NULL.
template <class... Values>
std::int64_t number(SQLite::Database& database, const char* sql, const Values&... values) {
  SQLite::Statement row = prepare(database, sql, values...);
  return row.executeStep() ? row.getColumn(0).getInt64() : 0;
}

inline std::string label(SampleId id) {
  return std::to_string(id.turn.value) + "." + std::to_string(id.revision);
}

}  // namespace clawrl::journal
