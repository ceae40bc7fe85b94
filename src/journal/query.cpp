#include "journal/query.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

namespace clawrl::journal {
namespace {

template <class Call>
auto guarded(Call call) {
  try {
    return call();
  } catch (const SQLite::Exception& error) {
    throw StorageFailure(error.what());
  }
}

}  // namespace

Query::Query(SQLite::Database& database, const std::string& sql)
    : statement_(guarded([&] { return std::make_unique<SQLite::Statement>(database, sql); })) {}
Query::~Query() = default;
Query::Query(Query&&) noexcept = default;

void Query::bind(int index, std::int64_t value) {
  guarded([&] { statement_->bind(index, value); });
}
void Query::bind(int index, double value) {
  guarded([&] { statement_->bind(index, value); });
}
void Query::bind(int index, const std::string& value) {
  guarded([&] { statement_->bind(index, value); });
}
void Query::bind(int index, const Blob& value) {
  guarded([&] { statement_->bindNoCopy(index, value.data(), static_cast<int>(value.size())); });
}
void Query::bind(int index, std::optional<std::int64_t> value) {
  guarded([&] { value ? statement_->bind(index, *value) : statement_->bind(index); });
}
void Query::bind(int index, std::optional<double> value) {
  guarded([&] { value ? statement_->bind(index, *value) : statement_->bind(index); });
}

bool Query::next() {
  return guarded([&] { return statement_->executeStep(); });
}
int Query::run() {
  return guarded([&] { return statement_->exec(); });
}
void Query::reset() {
  guarded([&] { statement_->reset(); });
}

std::int64_t Query::integer(int column) const {
  return guarded([&] { return statement_->getColumn(column).getInt64(); });
}
double Query::real(int column) const {
  return guarded([&] { return statement_->getColumn(column).getDouble(); });
}
std::optional<double> Query::real_or_null(int column) const {
  return guarded([&]() -> std::optional<double> {
    const SQLite::Column value = statement_->getColumn(column);
    return value.isNull() ? std::nullopt : std::optional(value.getDouble());
  });
}
std::string Query::text(int column) const {
  return guarded([&] { return statement_->getColumn(column).getString(); });
}
std::span<const std::byte> Query::blob(int column) const {
  return guarded([&] {
    const SQLite::Column value = statement_->getColumn(column);
    return std::span(static_cast<const std::byte*>(value.getBlob()), static_cast<std::size_t>(value.getBytes()));
  });
}

Transaction::Transaction(SQLite::Database& database, Kind kind) : database_(database) {
  execute(database_, kind == Kind::read ? "BEGIN" : "BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    execute(database_, "ROLLBACK");
  } catch (const StorageFailure&) {  // SQLite has rolled back by itself
  }
}

void Transaction::commit() {
  execute(database_, "COMMIT");
  open_ = false;
}

}  // namespace clawrl::journal
