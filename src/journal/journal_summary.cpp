#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <filesystem>
#include <sstream>

#include "core/turn.hpp"
#include "journal/reader_implementation.hpp"
#include "journal/schema.hpp"

namespace clawrl {

using namespace journal;

namespace {

std::int64_t size_of_file(const std::string& path) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(path, none);
  return none ? 0 : static_cast<std::int64_t>(bytes);
}

void count_turns(SQLite::Database& database, JournalSummary& summary) {
  Query row(database, "SELECT state, count(*) FROM turns GROUP BY state");
  while (row.next()) summary.turns[name(static_cast<TurnState>(static_cast<int>(row.integer(0))))] = row.integer(1);
  Query reason(database, "SELECT exclusion, count(*) FROM turns WHERE exclusion <> '' GROUP BY exclusion");
  while (reason.next()) summary.exclusions[reason.text(0)] = reason.integer(1);
  Query range(database, "SELECT min(created), max(created), count(DISTINCT session) FROM turns");
  range.next();
  summary.first_turn_s = range.real(0);
  summary.last_turn_s = range.real(1);
  summary.sessions = range.integer(2);
}

void count_training(SQLite::Database& database, JournalSummary& summary) {
  Query row(database, "SELECT score, count(*) FROM verdicts WHERE error = '' GROUP BY score");
  while (row.next()) summary.verdicts[static_cast<int>(row.integer(0))] = row.integer(1);
  const auto count = [&](const char* sql) { return number(database, sql); };
  summary.verdicts_failed = count("SELECT count(*) FROM verdicts WHERE error <> ''");
  summary.samples = count("SELECT count(*) FROM samples");
  summary.samples_excluded = count("SELECT count(*) FROM samples WHERE exclusion <> ''");
  summary.samples_unused = count(
      "SELECT count(*) FROM samples s WHERE exclusion = '' AND NOT EXISTS (SELECT 1 FROM step_samples u "
      "WHERE u.turn = s.turn AND u.revision = s.revision AND u.replayed = 0)");
  summary.steps_planned = count("SELECT count(*) FROM steps");
  summary.steps_finished = count("SELECT count(*) FROM steps WHERE times_finished > 0");
  summary.last_step = count("SELECT max(step) FROM steps WHERE times_finished > 0");
  summary.events = count("SELECT count(*) FROM events");
  summary.watermark = count("SELECT value FROM counters WHERE name = 'watermark'");
}

template <class Map>
std::string listed(const Map& counts) {
  std::ostringstream text;
  for (const auto& [key, count] : counts) text << (text.tellp() > 0 ? ", " : "") << key << " " << count;
  return text.tellp() > 0 ? text.str() : "none";
}

std::string utc(double unix_s) {
  if (unix_s <= 0) return "-";
  const auto seconds = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

/// fsync of a file or a folder; UserError naming it.
void sync_path(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  const int error = errno;
  if (file >= 0) ::close(file);
  require(synced, path.string() + ": cannot be synced: " + std::strerror(error));
}

}  // namespace

JournalSummary JournalReader::summary() const {
  JournalSummary summary;
  summary.highest_version = highest_version();
  implementation_->read([&](auto& database) {
    count_turns(database, summary);
    count_training(database, summary);
    return 0;
  });
  summary.path = path();
  summary.bytes = size_of_file(path()) + size_of_file(path() + "-wal");
  return summary;
}

std::string to_text(const JournalSummary& summary) {
  std::ostringstream text;
  text << "journal    " << summary.path << ", " << summary.bytes << " bytes, watermark " << summary.watermark << "\n"
       << "turns      " << listed(summary.turns) << " in " << summary.sessions << " sessions, "
       << utc(summary.first_turn_s) << " to " << utc(summary.last_turn_s) << "\n"
       << "excluded   " << listed(summary.exclusions) << "\n"
       << "verdicts   by score: " << listed(summary.verdicts) << "; failed " << summary.verdicts_failed << "\n"
       << "samples    " << summary.samples << ", unused " << summary.samples_unused << ", excluded "
       << summary.samples_excluded << "\n"
       << "steps      " << summary.steps_finished << " finished of " << summary.steps_planned << " planned, newest "
       << summary.last_step << ", highest version " << summary.highest_version << "\n"
       << "events     " << summary.events << "\n";
  return text.str();
}

void JournalReader::snapshot(const std::string& target) const {
  const std::string temporary = target + ".tmp";
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  if (implementation_->settle) implementation_->settle();
  try {
    const auto database = journal::open_for_reading(path());  // one of its own: a long copy must not hold up readers
    execute(*database, "VACUUM INTO ?", temporary);
    sync_path(temporary);
    std::filesystem::rename(temporary, target);
    sync_path(std::filesystem::absolute(target).parent_path());
  } catch (const std::exception& error) {
    std::filesystem::remove(temporary, ignored);
    throw UserError("journal " + path() + ": cannot write its snapshot " + target + ": " + error.what());
  }
}

}  // namespace clawrl
