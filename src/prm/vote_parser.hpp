#pragma once
// Votes of the judge: reading one, counting many.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clawrl {

using Vote = std::optional<std::int8_t>;  // +1, 0, -1; nullopt = invalid

/// The last complete \boxed{...} counts: trimmed it must be 1, +1, -1, 0, +0 or -0. Anything else is an invalid vote.
Vote parse_vote(const std::string& text);

/// The value with strictly the most valid votes; a tie or none: 0.
std::int8_t majority(const std::vector<Vote>& votes);

/// Would the majority stay the same whatever `remaining` further votes say (invalid ones included)?
bool majority_decided(const std::vector<Vote>& votes, int remaining);

}  // namespace clawrl
