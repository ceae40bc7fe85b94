#include "journal/schema.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/error.hpp"

namespace clawrl::journal {
namespace {

constexpr int application = 0x434C5752;  // "CLWR" in the file's header

// The partial unique index is the last guard of "exactly once": no sample has two uses that are not replays.
const char* const tables = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES('watermark', 0), ('turn_ids', 1);
CREATE TABLE turns(id INTEGER PRIMARY KEY, session TEXT NOT NULL, idx INTEGER NOT NULL, type INTEGER NOT NULL,
  state INTEGER NOT NULL, exclusion TEXT NOT NULL, created REAL NOT NULL, response_tokens INTEGER NOT NULL,
  version INTEGER, completion TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL, record BLOB NOT NULL,
  next_state BLOB);
CREATE INDEX turns_by_session ON turns(session, idx);
CREATE INDEX turns_by_state ON turns(state);
CREATE INDEX turns_by_completion ON turns(completion);
CREATE INDEX turns_by_user ON turns(key, user, created);
CREATE TABLE verdicts(turn INTEGER NOT NULL, revision INTEGER NOT NULL, score INTEGER NOT NULL,
  origin TEXT NOT NULL, error TEXT NOT NULL, created REAL NOT NULL, record BLOB NOT NULL, hint_agreement REAL,
  UNIQUE(turn, revision));
CREATE TABLE samples(seq INTEGER PRIMARY KEY AUTOINCREMENT, turn INTEGER NOT NULL, revision INTEGER NOT NULL,
  origin TEXT NOT NULL, version INTEGER NOT NULL, tokens INTEGER NOT NULL, exclusion TEXT NOT NULL,
  created REAL NOT NULL, record BLOB NOT NULL, line TEXT NOT NULL DEFAULT 'main', UNIQUE(turn, revision));
CREATE TABLE steps(step INTEGER PRIMARY KEY, version INTEGER NOT NULL, planned REAL NOT NULL,
  finished REAL NOT NULL DEFAULT 0, times_finished INTEGER NOT NULL DEFAULT 0, weights_hash TEXT NOT NULL DEFAULT '',
  plan BLOB NOT NULL, metrics BLOB, line TEXT NOT NULL DEFAULT 'main');
CREATE TABLE step_samples(step INTEGER NOT NULL, position INTEGER NOT NULL, turn INTEGER NOT NULL,
  revision INTEGER NOT NULL, replayed INTEGER NOT NULL, PRIMARY KEY(step, position)) WITHOUT ROWID;
CREATE UNIQUE INDEX one_fresh_use ON step_samples(turn, revision) WHERE replayed = 0;
CREATE TABLE versions(line TEXT NOT NULL, number INTEGER NOT NULL, base_id TEXT NOT NULL, adapter_id TEXT NOT NULL,
  made REAL NOT NULL DEFAULT 0, announced REAL NOT NULL DEFAULT 0, retired REAL NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '', PRIMARY KEY(line, number)) WITHOUT ROWID;
CREATE TABLE session_learning(session INTEGER PRIMARY KEY, learning INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE feedback(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, key TEXT NOT NULL,
  user TEXT NOT NULL, session TEXT NOT NULL, turn INTEGER NOT NULL, revision INTEGER NOT NULL, created REAL NOT NULL,
  withdrawn REAL NOT NULL, outcome TEXT NOT NULL, record BLOB NOT NULL, hint TEXT NOT NULL DEFAULT '',
  fault TEXT NOT NULL DEFAULT '', severity INTEGER NOT NULL DEFAULT 0,
  UNIQUE(key, id, turn), UNIQUE(turn, revision));
CREATE INDEX feedback_by_user ON feedback(key, user);
CREATE INDEX feedback_open ON feedback(seq) WHERE outcome = '';
CREATE TABLE events(id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
)sql";

const char* const audits = R"sql(
CREATE TABLE IF NOT EXISTS audits(seq INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL,
  held_out_set TEXT NOT NULL, cases INTEGER NOT NULL, passed INTEGER NOT NULL, lost INTEGER NOT NULL, gained INTEGER NOT NULL,
  loss REAL, result TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL);
)sql";

struct Column {
  const char *table, *name, *type;
};
// Since version 2, when there was one line, feedback said neither how nor where, and hints were not compared.
constexpr Column new_columns[] = {
    {"samples", "line", "TEXT NOT NULL DEFAULT 'main'"},    {"steps", "line", "TEXT NOT NULL DEFAULT 'main'"},
    {"feedback", "hint", "TEXT NOT NULL DEFAULT ''"},       {"feedback", "fault", "TEXT NOT NULL DEFAULT ''"},
    {"feedback", "severity", "INTEGER NOT NULL DEFAULT 0"}, {"verdicts", "hint_agreement", "REAL"}};

int pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(std::string("PRAGMA ") + name).getInt();
}

/// SQLite's write-ahead log shares memory between connections, which network file systems do not offer.
void require_local_disk(const std::string& path) {
  struct statfs information {};
  const auto parent = std::filesystem::absolute(path).parent_path().string();
  if (::statfs(parent.c_str(), &information) != 0)
    throw UserError("journal " + path + ": " + parent + ": " + std::strerror(errno));
  struct Network {
    std::uint32_t magic;
    const char* name;
  };
  static constexpr Network networks[] = {{0x6969, "NFS"},        {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},
                                         {0x19830326, "BeeGFS"}, {0xFF534D42, "CIFS"},   {0xFE534D42, "SMB"}};
  for (const auto& network : networks)
    require(static_cast<std::uint32_t>(information.f_type) != network.magic,
            "journal " + path + ": lies on " + network.name +
                "; it must lie on a local disk (snapshots of it may go to a shared file system)");
}

void sync_folder(const std::string& path) {
  const auto parent = std::filesystem::absolute(path).parent_path().string();
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && ::fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) ::close(folder);
  require(synced, "journal " + path + ": cannot sync its folder: " + std::strerror(error));
}

void require_owner(SQLite::Database& database, const std::string& path) {
  require(pragma(database, "application_id") == application,
          "journal " + path + ": is an SQLite file of another program");
  const int version = pragma(database, "user_version");
  require(version == schema_version,
          "journal " + path + ": has schema version " + std::to_string(version) + ", this clawrl reads version " +
              std::to_string(schema_version) +
              (version >= 2 && version < schema_version ? "; a run that goes on with it (run.resume) brings it to that"
                                                        : ""));
}

void set_version(SQLite::Database& database) {
  database.exec("PRAGMA user_version = " + std::to_string(schema_version));
}

void add(SQLite::Database& database, const Column& column) {
  SQLite::Statement known(database, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?");
  known.bind(1, column.table);
  known.bind(2, column.name);
  if (known.executeStep()) return;
  database.exec("ALTER TABLE " + std::string(column.table) + " ADD COLUMN " + column.name + " " + column.type);
}

void upgrade(SQLite::Database& database) {
  const int version = pragma(database, "user_version");
  if (pragma(database, "application_id") != application || version < 2 || version >= schema_version) return;
  SQLite::Transaction transaction(database);
  for (const Column& column : new_columns) add(database, column);
  database.exec(audits);
  set_version(database);
  transaction.commit();
}

bool is_empty(SQLite::Database& database) {
  return pragma(database, "application_id") == 0 &&
         database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
}

void create(SQLite::Database& database, const std::string& path) {
  SQLite::Transaction transaction(database);
  database.exec(tables);
  database.exec(audits);
  database.exec("PRAGMA application_id = " + std::to_string(application));
  set_version(database);
  transaction.commit();
  sync_folder(path);
}

void check_pages(SQLite::Database& database, const std::string& path) {
  const std::string finding = database.execAndGet("PRAGMA quick_check(1)").getString();
  require(finding == "ok", "journal " + path + ": is damaged: " + finding);
}

}  // namespace

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::unique_ptr<SQLite::Database> open_for_writing(const std::string& path) {
  require_local_disk(path);
  try {
    auto database = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_ms);
    const bool fresh = is_empty(*database);
    if (!fresh) {
      upgrade(*database);
      require_owner(*database, path);
    }
    const std::string mode = database->execAndGet("PRAGMA journal_mode = WAL").getString();
    require(mode == "wal",
            "journal " + path + ": its file system does not allow a write-ahead log (mode " + mode + ")");
    database->exec("PRAGMA synchronous = FULL");
    database->exec("PRAGMA secure_delete = ON");         // what is erased is overwritten with zeros
    database->exec("PRAGMA wal_autocheckpoint = 4000");  // pages
    if (fresh) {
      create(*database, path);
    } else {
      check_pages(*database, path);
    }
    return database;
  } catch (const SQLite::Exception& error) {
    throw UserError("journal " + path + ": cannot be opened for writing: " + error.what());
  }
}

std::unique_ptr<SQLite::Database> open_for_reading(const std::string& path) {
  require(std::filesystem::is_regular_file(path), "journal " + path + ": no such file");
  try {
    auto database = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READONLY, busy_ms);
    require_owner(*database, path);
    return database;
  } catch (const SQLite::Exception& error) {
    throw UserError("journal " + path + ": cannot be read: " + error.what());
  }
}

}  // namespace clawrl::journal
