#pragma once
// The top-k advantage at one position (method.md 3).

#include <cstdint>
#include <span>

namespace clawrl {

/// K candidate ids of one position; in_subset marks those of the subset S. Writes [K] advantages:
///   w = softmax over S of old,  A_v = clip(teacher_v - old_v, -clip, clip) * w_v,  0 outside S.
/// An empty subset gives zeros. Any real type; instantiated for float and double.
template <class Real>
void topk_advantages(std::span<const Real> old, std::span<const Real> teacher, std::span<const std::uint8_t> in_subset,
                     Real clip, std::span<Real> advantages);

}  // namespace clawrl
