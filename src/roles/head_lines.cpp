// Which policy line's version answers a turn, and when a line goes out again.

#include "roles/clock.hpp"
#include "roles/head.hpp"
#include "samples/policy_lines.hpp"

namespace clawrl {

/// Of the user's line, or, with both, of the shared one as long as the user has none. Only lines that are asked follow
/// the shared one: the answer comes from what is there, and the next ones from what goes out now.
std::int64_t Head::served_version(const Turn& turn) {
  std::string line = policy_line(config_.policy, turn);
  if (config_.policy.stacked()) {
    if (versions_->announced(line) == 0) line = shared_line;
    rebase(line);
  }
  return versions_->announced(line);
}

/// With policy.lines = both, when a step has moved the shared line since the line's weights went out. A replay serves
/// nobody, and its numbers are those on record.
void Head::rebase(const std::string& line) {
  if (replay_ || !versions_->behind(line, steps_->version())) return;
  if (const auto number = steps_->rebase(line)) versions_->rebased({*number, line}, steps_->dispatched(), unix_s());
}

void Head::publish_restored() {
  const PolicyLines& lines = steps_->lines();
  if (config_.policy.stacked()) rebase(shared_line);
  for (const std::string& line : lines.names()) {
    const std::int64_t version = lines.newest(line);
    if (version == 0) continue;  // it has only samples that wait
    if (config_.policy.stacked())
      rebase(line);
    else
      versions_->made({version, line}, steps_->dispatched(), unix_s());
  }
}

}  // namespace clawrl
