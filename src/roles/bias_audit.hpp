#pragma once
// Whose feedback a run learned from, and how each group of users fared meanwhile: read from its journal.

#include <cstdint>
#include <string>
#include <vector>

#include "journal/journal_reader.hpp"

namespace clawrl {

/// Judged main turns of one user (`user` of the request, else the API key, else "-") and request type. Early and late
/// are the halves of the group's own turns in time. Means; 0 without a turn.
struct AuditRow {
  std::string user, type;
  std::int64_t turns = 0, praises = 0, complaints = 0, trained = 0;  // trained: taken by an optimiser step
  double early_reward = 0, late_reward = 0;
  double early_tokens = 0, late_tokens = 0;
  double change() const { return late_reward - early_reward; }
};

/// Rows by user, then type. Reads every judged turn: for a journal that nobody waits for.
std::vector<AuditRow> bias_audit(const JournalReader& journal);

/// Groups that are large enough to tell (`least` turns in each half) and whose mean reward fell by more than `margin`.
std::vector<AuditRow> worse_off(const std::vector<AuditRow>& rows, double margin, std::int64_t least = 10);

std::string to_text(const std::vector<AuditRow>& rows, double margin);

}  // namespace clawrl
