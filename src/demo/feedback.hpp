#pragma once
// What users write after a reply: complaints that name wishes, praise, and messages that say nothing about it.
// A varied grammar: opener x clause (modal x verb x noun phrase, or a dislike) x closer, all combinations split.

#include <string>
#include <vector>

#include "demo/style.hpp"

namespace clawrl::demo {

/// Dissatisfaction with one or two things, in the words of a user.
std::string complaint(Random& random, Split split, const std::vector<Wish>& wishes);
/// The reply makes no sense to the user: no wish can be read from it.
std::string confusion(Random& random, Split split);
/// Satisfaction. `kept` may name a feature that the user is glad about (or glad to miss); empty = nothing named.
std::string praise(Random& random, Split split, const std::vector<Wish>& kept = {});
/// Goes on without an opinion: the next task.
std::string neutral(Random& random, Split split);

}  // namespace clawrl::demo
