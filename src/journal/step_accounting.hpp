#pragma once
// The rules of "exactly once", inside a transaction of the writer thread. Internal to journal/.

#include <string>

#include "journal/records.hpp"

namespace SQLite {
class Database;
}

namespace clawrl::journal {

/// Checks everything before it writes anything: InternalError naming step and sample.
void plan_step(SQLite::Database& database, const StepRecord& record);

/// Returns the weights hash of an earlier finish of the same step, empty if there was none.
std::string finish_step(SQLite::Database& database, std::int64_t step, const StepMetrics& metrics,
                        const std::string& weights_hash);

}  // namespace clawrl::journal
