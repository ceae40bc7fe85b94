#pragma once
// Marks with which a judge answers, in text that somebody else wrote.

#include <cstddef>
#include <string_view>

namespace clawrl {

/// "[HINT_", "[SEVERITY", "[FAULT_": how a directive answer begins.
inline constexpr std::string_view answer_marks[] = {"[HINT_", "[SEVERITY", "[FAULT_"};

/// Where a box with a vote in it begins, at `from` or behind it; npos = nowhere. "\\boxed{ -1 }" is a vote,
/// "\\boxed{12}" is an answer to a task.
std::size_t find_vote(std::string_view text, std::size_t from = 0);

/// The text holds a vote, an answer mark or the mark of a message in a chat template ("<|im_start|>"): it speaks to the
/// judge in the judge's voice. Code and tool output can hold such marks, words about a reply have no need of them.
bool poses_as_judge(std::string_view text);

}  // namespace clawrl
