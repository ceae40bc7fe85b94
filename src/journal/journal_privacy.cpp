// What the journal may not keep, or not any longer.

#include "journal/journal.hpp"
#include "journal/journal_writer.hpp"
#include "journal/query.hpp"
#include "journal/reader_implementation.hpp"
#include "journal/schema.hpp"

namespace clawrl {

using namespace journal;

void Journal::save_session_learning(std::int64_t session, Learning learning) {
  writer_->submit([=](auto& database) {
    if (learning == Learning::learn)
      execute(database, "DELETE FROM session_learning WHERE session = ?", session);
    else
      execute(database, "INSERT OR REPLACE INTO session_learning(session, learning, at) VALUES(?, ?, ?)", session,
              static_cast<int>(learning), unix_seconds());
  });
}

std::vector<std::pair<std::int64_t, Learning>> JournalReader::session_learning() const {
  return implementation_->read([](auto& database) {
    Query row(database, "SELECT session, learning FROM session_learning ORDER BY at, session");
    std::vector<std::pair<std::int64_t, Learning>> rules;
    while (row.next())
      rules.emplace_back(row.integer(0), static_cast<Learning>(static_cast<std::uint8_t>(row.integer(1))));
    return rules;
  });
}

}  // namespace clawrl
