#pragma once
// Held-out cases of the demo's tasks: what learning a user's style must not cost.

#include <cstdint>
#include <vector>

#include "audit/held_out.hpp"

namespace clawrl::demo {

/// `count` per kind of task in each set, of held-out words:
///   accuracy  the sentence about the right person and things, with the right number and the right judgement
///   form      that sentence with any number, in 5 to 60 words
///   hints     the same under a hint (bold, list, box, length, or none of it), which the reply obeys
///   language  the users' words themselves, as texts
///   hint_loss the same hints with a reply that obeys, whose loss counts
///   judge     replies with a user's next message, and what an evaluator should say: as often each of -1, 0 and 1
///   judge_loss the same turns with the right vote, whose loss counts
/// No set asks for a style of its own: styles are what users change.
std::vector<HeldOutCase> held_out_cases(int count, std::uint64_t seed);

}  // namespace clawrl::demo
