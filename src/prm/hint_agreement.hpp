#pragma once
// Whether two hints ask for the same, for different things or for opposites, by what they do to the teacher.

#include <cstddef>
#include <span>

namespace clawrl {

/// The cosine of the two hints' pulls on a reply, in the Fisher metric of the teacher that reads no hint:
///
///   u_h = log pi(. | h) - log pi(. | no hint), less its mean under pi(. | no hint), at every position
///   agreement(a, b) = <u_a, u_b> / (|u_a| |u_b|),   <u, v> = sum over positions and ids of pi(. | no hint) u v
///
/// <u_a, u_b> is to second order how much nearer a step towards the teacher with a comes to the teacher with b. 1: the
/// same, 0: different things, -1: opposites. All three are [R,width] log-probs at the same ids, natural logs; ids that
/// any of them rules out (-inf) do not count. 0 where a hint moves nothing, or next to nothing beside the other.
double hint_agreement(std::span<const float> plain, std::span<const float> first, std::span<const float> second,
                      std::size_t width);

}  // namespace clawrl
