// What the journal may not keep, or not any longer.

#include "journal/journal.hpp"
#include "journal/journal_writer.hpp"
#include "journal/query.hpp"
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

void Journal::erase_turns(std::vector<TurnId> ids, std::shared_ptr<ErasedRows> rows, Durable durable) {
  writer_->submit(
      [ids = std::move(ids), rows = std::move(rows), gone = erased_](auto& database) {
        for (const TurnId id : ids) {
          gone->insert(id.value);
          rows->verdicts += execute(database, "DELETE FROM verdicts WHERE turn = ?", id.value);
          rows->samples += execute(database, "DELETE FROM samples WHERE turn = ?", id.value);
          rows->feedback += execute(database, "DELETE FROM feedback WHERE turn = ?", id.value);
          rows->turns += execute(database, "DELETE FROM turns WHERE id = ?", id.value);
        }
      },
      0, std::move(durable));
}

void Journal::purge(std::function<void(bool)> purged) {
  writer_->truncate_log(std::move(purged));
}

}  // namespace clawrl
