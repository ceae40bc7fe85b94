// Reading what belongs to one user.

#include <set>

#include "journal/reader_implementation.hpp"

namespace clawrl {

using namespace journal;

std::vector<std::pair<std::int64_t, Learning>> JournalReader::session_learning() const {
  return implementation_->read([](auto& database) {
    Query row(database, "SELECT session, learning FROM session_learning ORDER BY at, session");
    std::vector<std::pair<std::int64_t, Learning>> rules;
    while (row.next())
      rules.emplace_back(row.integer(0), static_cast<Learning>(static_cast<std::uint8_t>(row.integer(1))));
    return rules;
  });
}

namespace {

/// " WHERE ..." of a selection and the texts that it binds from the third place on.
std::pair<std::string, std::vector<std::string>> condition_of(const TurnSelection& wanted) {
  std::string sql = " FROM turns WHERE id > ? AND created <= ?";
  std::vector<std::string> values;
  const auto equal = [&](const char* column, const std::optional<std::string>& value) {
    if (!value) return;
    sql += std::string(" AND ") + column + " = ?";
    values.push_back(*value);
  };
  equal("key", wanted.key);
  equal("user", wanted.user);
  equal("session", wanted.session);
  expect(!values.empty(), "journal: a selection of turns names no key, user or session");
  return {sql, values};
}

}  // namespace

std::vector<TurnId> JournalReader::select_turns(const TurnSelection& wanted) const {
  const auto [condition, values] = condition_of(wanted);
  const std::string sql = "SELECT id" + condition + " ORDER BY id LIMIT ?";
  return implementation_->read([&, &values = values](auto& database) {
    Query row(database, sql.c_str(), wanted.after, wanted.until_s);
    int place = 2;
    for (const std::string& value : values) row.bind(++place, value);
    row.bind(++place, wanted.limit);
    std::vector<TurnId> ids;
    while (row.next()) ids.push_back({row.integer(0)});
    return ids;
  });
}

std::vector<std::pair<std::string, std::string>> JournalReader::users_of(const TurnSelection& wanted) const {
  const auto [condition, values] = condition_of(wanted);
  const std::string sql = "SELECT DISTINCT key, user" + condition;
  return implementation_->read([&, &values = values](auto& database) {
    Query row(database, sql.c_str(), wanted.after, wanted.until_s);
    int place = 2;
    for (const std::string& value : values) row.bind(++place, value);
    std::vector<std::pair<std::string, std::string>> users;
    while (row.next()) users.emplace_back(row.text(0), row.text(1));
    return users;
  });
}

std::vector<TurnId> JournalReader::turns_before(double before_s, std::int64_t last_kept_step,
                                                std::int64_t limit) const {
  return implementation_->read([&](auto& database) {
    // Ids grow with time, so the oldest turns come first and nothing else is looked at.
    Query row(database,
              "SELECT id FROM (SELECT id, created FROM turns ORDER BY id LIMIT ?) t WHERE created < ? AND NOT EXISTS "
              "(SELECT 1 FROM step_samples u WHERE u.turn = t.id AND u.step > ?)",
              limit, before_s, last_kept_step);
    std::vector<TurnId> ids;
    while (row.next()) ids.push_back({row.integer(0)});
    return ids;
  });
}

std::vector<TrainedUse> JournalReader::trained_uses(std::span<const TurnId> ids) const {
  return implementation_->read([&](auto& database) {
    Query row(database,
              "SELECT u.revision, u.step, s.version FROM step_samples u JOIN steps s ON s.step = u.step "
              "WHERE u.turn = ? AND u.replayed = 0 AND s.times_finished > 0 ORDER BY u.step");
    std::vector<TrainedUse> uses;
    for (const TurnId id : ids) {
      row.reset();
      row.bind(1, id.value);
      while (row.next())
        uses.push_back({id, static_cast<std::int32_t>(row.integer(0)), row.integer(1), row.integer(2)});
    }
    return uses;
  });
}

std::vector<Verdict> JournalReader::verdicts_on(TurnId id) const {
  return implementation_->read([&](auto& database) {
    Query row(database, "SELECT record, hint_agreement FROM verdicts WHERE turn = ? ORDER BY revision", id.value);
    std::vector<Verdict> verdicts;
    while (row.next()) verdicts.push_back(implementation_->verdict(row, id));
    return verdicts;
  });
}

std::vector<SampleNote> JournalReader::samples_on(TurnId id) const {
  return implementation_->read([&](auto& database) {
    Query row(database,
              "SELECT revision, origin, exclusion, version, tokens, created FROM samples WHERE turn = ? "
              "ORDER BY revision",
              id.value);
    std::vector<SampleNote> notes;
    while (row.next())
      notes.push_back({{id, static_cast<std::int32_t>(row.integer(0))},
                       row.text(1),
                       row.text(2),
                       row.integer(3),
                       row.integer(4),
                       row.real(5)});
    return notes;
  });
}

}  // namespace clawrl
