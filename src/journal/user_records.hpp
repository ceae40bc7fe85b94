#pragma once
// What belongs to one user, and what is left when it has been erased.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"

namespace clawrl {

/// Turns of a user: every field that is given must be equal. At least one is given.
struct TurnSelection {
  std::optional<std::string> key, user;
  std::optional<std::string> session;                        // name in the journal
  double until_s = std::numeric_limits<double>::infinity();  // Unix seconds; later turns are left out
  std::int64_t after = 0;                                    // ids above this one
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
};

/// A finished step that took a sample of the turn for the first time: its version has seen it.
struct TrainedUse {
  TurnId turn;
  std::int32_t revision = 0;  // of the sample
  std::int64_t step = 0, version = 0;
  auto operator<=>(const TrainedUse&) const = default;
};

/// A sample without its numbers.
struct SampleNote {
  SampleId id;
  std::string origin, exclusion;
  std::int64_t version = 0, tokens = 0;
  double created_s = 0;
};

struct ErasedRows {
  std::int64_t turns = 0, verdicts = 0, samples = 0, feedback = 0;
};

}  // namespace clawrl
