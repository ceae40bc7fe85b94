#pragma once
// What the newest audit found, for GET /status and /metrics.

#include <cstdint>
#include <string>
#include <vector>

#include "journal/records.hpp"

namespace clawrl {

struct AuditView {
  std::int64_t version = -1;                           // that was audited last; -1 = none yet
  std::vector<AuditRecord> sets;                       // of that audit
  std::int64_t passed = 0, failed = 0, rollbacks = 0;  // audits by their result; how often serving went back
  std::int64_t trainer_rollbacks = 0;                  // how often the trainers did, too
  std::int64_t held_version = -1;                      // that serving is held at; -1 = it is not held
  std::string held_reason;
};

}  // namespace clawrl
