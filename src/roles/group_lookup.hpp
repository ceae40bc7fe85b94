#pragma once
// The choices of a request as the journal has them.

#include <optional>
#include <vector>

#include "journal/journal_reader.hpp"
#include "samples/reward_groups.hpp"

namespace clawrl {

struct GroupChoice {
  Turn turn;
  bool awaited = false;                 // it may get a verdict, or another one; the turn's exclusion is then empty
  std::optional<Verdict> verdict = {};  // that counts
};

struct GroupRecord {
  std::size_t choices = 0;              // all of them
  std::vector<GroupChoice> ended_well;  // neither aborted nor side, by id
};

/// Of choices that have ended. From any thread; waits for what was queued for the journal before.
GroupRecord look_up_group(const JournalReader& journal, const GroupKey& group);

}  // namespace clawrl
