#pragma once
// How well a hinted teacher agrees with the student: the measure that chooses between hints.

#include <cstdint>
#include <span>

#include "core/ids.hpp"

namespace clawrl::kernels {

/// overlap[r] = number of ids that student[r] and teacher[r] share. student [R,K], teacher [R,J], overlap [R]; ids of
/// one row are distinct, but for the first one again where a row had no more. Returns the sum over r. Throws
/// InternalError on sizes that do not fit.
std::int64_t hint_overlap(std::span<const TokenId> student, std::span<const TokenId> teacher,
                          std::span<std::int32_t> overlap);

}  // namespace clawrl::kernels
