#pragma once
// A style written as a reply to a task, and what can be read off any reply: its features, and whether it has substance.

#include <span>
#include <string>
#include <string_view>

#include "demo/style.hpp"
#include "demo/task.hpp"

namespace clawrl::demo {

std::string render_reply(Random& random, const Task& task, const Style& style);

inline constexpr int shorter_words = 21, longer_words = 28;  // at most, at least

struct Observed {
  bool bold = false, list = false, box = false, stock = false, warm = false;
  int words = 0;
};
Observed observe(std::string_view reply);
/// What marks a reply as stock or as warm, word for word.
std::span<const std::string_view> stock_phrases();
std::span<const std::string_view> warm_phrases();
/// From the first mark that one of `wishes` does not want, to the reply's end; empty when there is none (what is
/// missing has no place).
std::string_view from_first_fault(std::string_view reply, const std::vector<Wish>& wishes);
bool obeys(const Observed& seen, Wish wish);

/// What noise can't fake.
struct Substance {
  bool core = false;     // the sentence about the right person and things is there, and the judgement of the answer
  bool correct = false;  // with the right number and the right judgement
  bool formed = false;   // core, and between 5 and 60 words
};
Substance check_substance(std::string_view reply, const Task& task);

}  // namespace clawrl::demo
