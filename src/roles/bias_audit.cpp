#include "roles/bias_audit.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "samples/request_type.hpp"

namespace clawrl {
namespace {

struct Judged {
  double created_s, reward, tokens;
  bool trained;
};

using Groups = std::map<std::pair<std::string, std::string>, std::vector<Judged>>;

std::string user_of(const Turn& turn) {
  if (!turn.user.empty()) return turn.user;
  return turn.key.empty() ? "-" : "key " + turn.key;
}

Groups groups_of(const JournalReader& journal) {
  Groups groups;
  for (const TurnState state : {TurnState::scored, TurnState::sampled, TurnState::trained, TurnState::excluded})
    for (const TurnId id : journal.turns_in(state)) {
      const auto turn = journal.turn(id);
      const auto verdict = journal.newest_verdict(id);
      if (!turn || !verdict || !verdict->error.empty() || turn->type != TurnType::main) continue;
      groups[{user_of(*turn), request_type(*turn)}].push_back({turn->created_s, static_cast<double>(verdict->score),
                                                               static_cast<double>(turn->completion.ids.size()),
                                                               state == TurnState::trained});
    }
  return groups;
}

template <class Iterator>
double mean(Iterator begin, Iterator end, double Judged::*what) {
  double sum = 0;
  for (auto it = begin; it != end; ++it) sum += (*it).*what;
  return begin == end ? 0 : sum / static_cast<double>(end - begin);
}

AuditRow row_of(const std::pair<std::string, std::string>& name, std::vector<Judged> turns) {
  std::stable_sort(turns.begin(), turns.end(), [](const auto& a, const auto& b) { return a.created_s < b.created_s; });
  AuditRow row;
  row.user = name.first;
  row.type = name.second;
  row.turns = static_cast<std::int64_t>(turns.size());
  for (const Judged& one : turns) {
    row.praises += one.reward > 0;
    row.complaints += one.reward < 0;
    row.trained += one.trained;
  }
  const auto half = turns.begin() + static_cast<std::ptrdiff_t>(turns.size() / 2);
  row.early_reward = mean(turns.begin(), half, &Judged::reward);
  row.late_reward = mean(half, turns.end(), &Judged::reward);
  row.early_tokens = mean(turns.begin(), half, &Judged::tokens);
  row.late_tokens = mean(half, turns.end(), &Judged::tokens);
  return row;
}

}  // namespace

std::vector<AuditRow> bias_audit(const JournalReader& journal) {
  std::vector<AuditRow> rows;
  for (auto& [name, turns] : groups_of(journal)) rows.push_back(row_of(name, std::move(turns)));
  return rows;
}

std::vector<AuditRow> worse_off(const std::vector<AuditRow>& rows, double margin, std::int64_t least) {
  std::vector<AuditRow> found;
  for (const AuditRow& row : rows)
    if (row.turns / 2 >= least && row.change() < -margin) found.push_back(row);
  return found;
}

std::string to_text(const std::vector<AuditRow>& rows, double margin) {
  std::int64_t trained = 0;
  for (const AuditRow& row : rows) trained += row.trained;
  std::string text =
      "user                 request type   turns  good   bad  share of training  reward early -> late  tokens early -> "
      "late\n";
  char line[200];
  for (const AuditRow& row : rows) {
    const double share = trained > 0 ? static_cast<double>(row.trained) / static_cast<double>(trained) : 0;
    std::snprintf(line, sizeof line, "%-20.20s %-13.13s %6lld %5lld %5lld %18.2f %10.2f -> %5.2f %12.0f -> %4.0f\n",
                  row.user.c_str(), row.type.c_str(), static_cast<long long>(row.turns),
                  static_cast<long long>(row.praises), static_cast<long long>(row.complaints), share, row.early_reward,
                  row.late_reward, row.early_tokens, row.late_tokens);
    text += line;
  }
  const auto losers = worse_off(rows, margin);
  std::snprintf(line, sizeof line, "mean reward fell by more than %.2f for %zu of %zu groups", margin, losers.size(),
                rows.size());
  text += line;
  for (const AuditRow& row : losers) text += (&row == &losers.front() ? ": " : ", ") + row.user + " (" + row.type + ")";
  return text + "\n";
}

}  // namespace clawrl
