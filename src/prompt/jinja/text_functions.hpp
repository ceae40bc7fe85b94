#pragma once
// What filters and methods of strings share. All keep the origin of every character.

#include <cstdint>
#include <vector>

#include "prompt/jinja/limits.hpp"
#include "prompt/jinja/text.hpp"

namespace clawrl::jinja {

enum class LetterCase : std::uint8_t { lower, upper, title, capitalized };

Text with_case(const Text& text, LetterCase wanted);

/// At most `most` times; -1 = always. An empty `old` stands before every character and at the end.
Text replaced(Budget& budget, const Text& text, const Text& old, const Text& by, std::int64_t most = -1);

/// Python's split(separator, most); with `from_right` rsplit. The separator must not be empty.
std::vector<Text> split(const Limits& limits, const Text& text, const std::string& separator, std::int64_t most = -1,
                        bool from_right = false);

/// Python's split() at blanks.
std::vector<Text> split_words(const Limits& limits, const Text& text, std::int64_t most = -1);

std::vector<Text> split_lines(const Limits& limits, const Text& text, bool keep_ends);

/// Items begin..end by step of `count`, as Python's slices clamp them; step is not 0.
std::vector<std::size_t> slice_indices(std::int64_t count, const std::int64_t* begin, const std::int64_t* end,
                                       std::int64_t step);

}  // namespace clawrl::jinja
