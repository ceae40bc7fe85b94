#pragma once
// Whether what a user says goes with what they asked for before, by what their hints do to the teacher: do two hints
// ask for the same, for different things or for opposites, and is a reply that they praise what an earlier hint asks
// for?

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

/// (pi(y | h) - pi(y | no hint)) / (pi(y | h) + pi(y | no hint)) for the whole praised reply y = tanh(half its
/// log-ratio), of the log-probs of its tokens, both [R]. Who meant h praises what a teacher with h would write, who did
/// not praises anything; the ratio is the likelihood ratio of the two. -1: the hint all but forbids the reply, 0: it
/// does not care.
double praise_agreement(std::span<const float> plain, std::span<const float> hinted);

}  // namespace clawrl
