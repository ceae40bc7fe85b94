#pragma once
// Tables of the journal and the opening of its file. Internal to journal/.

#include <memory>
#include <string>

namespace SQLite {
class Database;
}

namespace clawrl::journal {

inline constexpr int schema_version = 5;
inline constexpr int busy_ms = 10000;  // longest wait for another connection's lock

/// Read-write: creates the file and its tables if absent, else checks it (owner, schema version, quick_check). A
/// journal of version 2 to 4 gets the columns and tables that came since. UserError naming the file for everything that
/// is wrong with it, network file systems included.
std::unique_ptr<SQLite::Database> open_for_writing(const std::string& path);
/// Read-only; the file must be a journal of this schema version.
std::unique_ptr<SQLite::Database> open_for_reading(const std::string& path);

double unix_seconds();

}  // namespace clawrl::journal
