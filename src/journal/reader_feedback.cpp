// Reading explicit feedback, and turns as a client names them.

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

#include "journal/reader_implementation.hpp"

namespace clawrl {

using namespace journal;

namespace {

#define CLAWRL_FEEDBACK                                                                                         \
  "SELECT turn, revision, key, user, session, created, withdrawn, outcome, record, hint, fault, severity FROM " \
  "feedback "

std::vector<FeedbackRecord> records_of(Query row, const std::string& path) {
  std::vector<FeedbackRecord> records;
  while (row.next()) {
    const SampleId id{{row.integer(0)}, static_cast<std::int32_t>(row.integer(1))};
    auto record = decode<FeedbackRecord>(row.blob(8), "journal " + path + ": feedback on turn " + label(id));
    record.turn = id.turn;
    record.revision = id.revision;
    record.key = row.text(2);
    record.user = row.text(3);
    record.session = row.text(4);
    record.created_s = row.real(5);
    record.withdrawn_s = row.real(6);
    record.outcome = row.text(7);
    record.hint = row.text(9);
    record.fault = row.text(10);
    record.severity = static_cast<std::int8_t>(row.integer(11));
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<TurnId> ids_of(Query rows) {
  std::vector<TurnId> ids;
  while (rows.next()) ids.push_back({rows.integer(0)});
  return ids;
}

}  // namespace

std::vector<FeedbackRecord> JournalReader::feedback(const std::string& key, const std::string& id) const {
  return implementation_->read([&](auto& database) {
    return records_of(Query(database, CLAWRL_FEEDBACK "WHERE key = ? AND id = ? ORDER BY seq", key, id), path());
  });
}

std::vector<FeedbackRecord> JournalReader::feedback_on(TurnId turn) const {
  return implementation_->read([&](auto& database) {
    return records_of(Query(database, CLAWRL_FEEDBACK "WHERE turn = ? ORDER BY revision", turn.value), path());
  });
}

std::vector<FeedbackRecord> JournalReader::open_feedback() const {
  return implementation_->read([&](auto& database) {
    return records_of(Query(database, CLAWRL_FEEDBACK "WHERE outcome = '' AND withdrawn = 0 ORDER BY seq"), path());
  });
}

std::vector<TurnId> JournalReader::feedback_without_sample() const {
  return implementation_->read([&](auto& database) {
    return ids_of(Query(database,
                        "SELECT DISTINCT f.turn FROM feedback f JOIN verdicts v ON v.turn = f.turn AND "
                        "v.revision = f.revision WHERE f.withdrawn = 0 AND f.outcome = 'sampled' AND NOT EXISTS "
                        "(SELECT 1 FROM samples s WHERE s.turn = f.turn AND s.revision = f.revision) ORDER BY f.turn"));
  });
}

std::vector<TurnId> JournalReader::unjudged_with_feedback() const {
  return implementation_->read([&](auto& database) {
    return ids_of(Query(database,
                        "SELECT DISTINCT turn FROM feedback f WHERE NOT EXISTS "
                        "(SELECT 1 FROM verdicts v WHERE v.turn = f.turn AND v.revision = 0) ORDER BY turn"));
  });
}

std::int32_t JournalReader::newest_revision(TurnId turn) const {
  return implementation_->read([&](auto& database) {
    return static_cast<std::int32_t>(
        std::max(number(database, "SELECT max(revision) FROM verdicts WHERE turn = ?", turn.value),
                 number(database, "SELECT max(revision) FROM feedback WHERE turn = ?", turn.value)));
  });
}

bool JournalReader::was_taken(TurnId turn) const {
  return implementation_->read([&](auto& database) {
    return number(database, "SELECT count(*) FROM step_samples WHERE turn = ? AND replayed = 0", turn.value) > 0;
  });
}

std::vector<TurnId> JournalReader::turns_by_completion(const std::string& completion) const {
  return implementation_->read([&](auto& database) {
    return ids_of(Query(database, "SELECT id FROM turns WHERE completion = ? ORDER BY id", completion));
  });
}

std::vector<TurnId> JournalReader::choices_of(const std::string& completion) const {
  return implementation_->read([&](auto& database) {
    return ids_of(Query(database,
                        "SELECT id FROM turns WHERE completion = ? OR (completion > ? AND completion < ?) ORDER BY id",
                        completion, completion + "/", completion + "0"));  // '0' comes after '/'
  });
}

std::vector<TurnId> JournalReader::newest_turns(const TurnFilter& filter) const {
  return implementation_->read([&](auto& database) {
    std::string sql = "SELECT id FROM turns WHERE key = ? AND type = 0 AND created >= ? AND created < ?";
    if (filter.session) sql += " AND session = ?";
    if (filter.user) sql += " AND user = ?";
    Query rows(database, (sql + " ORDER BY created DESC, id DESC LIMIT ?").c_str(), filter.key, filter.from_s,
               filter.to_s);
    int place = 3;
    if (filter.session) rows.bind(++place, *filter.session);
    if (filter.user) rows.bind(++place, *filter.user);
    rows.bind(++place, filter.limit);
    return ids_of(std::move(rows));
  });
}

}  // namespace clawrl
