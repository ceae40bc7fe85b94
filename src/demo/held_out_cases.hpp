#pragma once
// Held-out cases of the demo's tasks: what learning a user's style must not cost.

#include <cstdint>
#include <vector>

#include "audit/held_out.hpp"

namespace clawrl::demo {

/// `count` per kind of task in each set, of held-out words:
///   accuracy  the sentence about the right person and things, with the right number and the right judgement
///   form      that sentence with any number, in 5 to 60 words
///   hints     the same under a hint that the demo's users would give, which the reply obeys
///   hints_against  under one that they would not (bold, list, box, few words); watched, since that is what fades
///   language  the users' words themselves, as texts
///   hint_loss, hint_loss_against  the same hints with a reply that obeys, whose loss counts; the latter watched
///   judge     replies with a user's next message, and what an evaluator should say: as often each of -1, 0 and 1
///   judge_loss the same turns with the right vote, whose loss counts
///   style_student, style_ta, style_teacher  their rules on their own kind of task; watched: it is what they teach
/// No other set asks for a style: styles are what users change.
std::vector<HeldOutCase> held_out_cases(int count, std::uint64_t seed);

}  // namespace clawrl::demo
