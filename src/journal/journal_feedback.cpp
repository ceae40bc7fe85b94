// Writing explicit feedback and what it does to turns and samples.

#include "core/turn.hpp"
#include "journal/journal.hpp"
#include "journal/journal_writer.hpp"
#include "journal/query.hpp"
#include "journal/schema.hpp"

namespace clawrl {

using namespace journal;

void Journal::save_feedback(const FeedbackRecord& record, Durable durable) {
  auto blob = std::make_shared<const Blob>(encode(record));
  writer_->submit(
      [blob, record = record, gone = erased_](auto& database) {
        if (gone->contains(record.turn.value)) return;
        execute(database,
                "INSERT OR IGNORE INTO feedback(id, key, user, session, turn, revision, created, withdrawn, outcome, "
                "record, hint, fault, severity) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                record.id, record.key, record.user, record.session, record.turn.value, record.revision,
                record.created_s, record.withdrawn_s, record.outcome, *blob, record.hint, record.fault,
                static_cast<std::int64_t>(record.severity));
      },
      blob->size() + record.hint.size() + record.fault.size(), std::move(durable));
}

void Journal::settle_feedback(SampleId id, const std::string& outcome) {
  writer_->submit([=](auto& database) {
    execute(database, "UPDATE feedback SET outcome = ? WHERE turn = ? AND revision = ?", outcome, id.turn.value,
            id.revision);
  });
}

void Journal::withdraw_feedback(const std::string& key, const std::string& id, Durable durable) {
  writer_->submit(
      [=](auto& database) {
        execute(database, "UPDATE feedback SET withdrawn = ?, outcome = 'withdrawn' WHERE key = ? AND id = ?",
                unix_seconds(), key, id);
      },
      0, std::move(durable));
}

void Journal::exclude_unused_samples(TurnId turn, const std::string& reason) {
  writer_->submit([=](auto& database) {
    execute(database,
            "UPDATE samples SET exclusion = ? WHERE turn = ? AND exclusion = '' AND NOT EXISTS (SELECT 1 FROM "
            "step_samples u WHERE u.turn = samples.turn AND u.revision = samples.revision AND u.replayed = 0)",
            reason, turn.value);
  });
}

void Journal::exclude_samples(TurnId turn, const std::string& reason) {
  writer_->submit([=](auto& database) {
    execute(database, "UPDATE samples SET exclusion = ? WHERE turn = ? AND exclusion = ''", reason, turn.value);
  });
}

void Journal::advance_turn(TurnId id, TurnState to, const std::string& exclusion) {
  writer_->submit([=](auto& database) {
    execute(database, "UPDATE turns SET state = ?, exclusion = ? WHERE id = ? AND state = ?", static_cast<int>(to),
            exclusion, id.value, static_cast<int>(TurnState::answered));
  });
}

void Journal::exclude_turn(TurnId id, const std::string& reason) {
  writer_->submit([=](auto& database) {
    execute(database, "UPDATE turns SET state = ?, exclusion = ? WHERE id = ? AND state NOT IN (?, ?, ?)",
            static_cast<int>(TurnState::excluded), reason, id.value, static_cast<int>(TurnState::trained),
            static_cast<int>(TurnState::aborted), static_cast<int>(TurnState::side));
  });
}

void Journal::reopen_turn(TurnId id, TurnState to) {
  writer_->submit([=](auto& database) {
    execute(database, "UPDATE turns SET state = ? WHERE id = ? AND state IN (?, ?)", static_cast<int>(to), id.value,
            static_cast<int>(TurnState::scored), static_cast<int>(TurnState::sampled));
  });
}

}  // namespace clawrl
