#include "prm/hint_choice.hpp"

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "kernels/hint_overlap.hpp"
#include "prm/trim.hpp"

namespace clawrl {
namespace {

template <class T>
void copy_row(std::vector<T>& to, const std::vector<T>& from, std::size_t row, std::size_t rows) {
  const std::size_t width = from.size() / rows;
  std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(row * width), width,
              to.begin() + static_cast<std::ptrdiff_t>(row * width));
}

}  // namespace

std::vector<std::int32_t> topk_overlap(const std::vector<TokenId>& student, const std::vector<TokenId>& teacher,
                                       std::size_t rows) {
  std::vector<std::int32_t> overlap(rows, 0);
  if (rows > 0 && !student.empty() && !teacher.empty()) kernels::hint_overlap(student, teacher, overlap);
  return overlap;
}

HintChoice choose_hint(const std::string& rule, const std::vector<std::string>& hints,
                       const std::vector<TeacherScores>& candidates, const std::vector<TokenId>& student,
                       std::size_t rows) {
  expect(hints.size() == candidates.size(), "choose_hint: one score set per hint");
  HintChoice choice;
  if (hints.empty()) return choice;
  if (rule == "shortest") {
    const auto shorter = [](const auto& a, const auto& b) { return count_code_points(a) < count_code_points(b); };
    choice.hint = static_cast<std::int32_t>(std::min_element(hints.begin(), hints.end(), shorter) - hints.begin());
    return choice;
  }
  std::vector<std::vector<std::int32_t>> overlaps;
  std::vector<std::int64_t> sums;
  for (const auto& candidate : candidates) {
    overlaps.push_back(topk_overlap(student, candidate.topk_ids, rows));
    sums.push_back(std::accumulate(overlaps.back().begin(), overlaps.back().end(), std::int64_t{0}));
  }
  choice.hint = static_cast<std::int32_t>(std::max_element(sums.begin(), sums.end()) - sums.begin());
  if (rule == "sequence") return choice;
  require(rule == "token", "samples.hint_choice = '" + rule + "' is not allowed: one of sequence, token, shortest");
  for (std::size_t t = 0; t < rows; ++t) {
    std::size_t best = 0;
    for (std::size_t h = 1; h < overlaps.size(); ++h)
      if (overlaps[h][t] > overlaps[best][t]) best = h;
    choice.per_token.push_back(static_cast<std::int32_t>(best));
  }
  return choice;
}

TeacherScores chosen_scores(const HintChoice& choice, std::vector<TeacherScores> candidates, std::size_t rows) {
  if (choice.hint < 0) return {};
  TeacherScores scores = candidates.at(static_cast<std::size_t>(choice.hint));
  for (std::size_t t = 0; t < choice.per_token.size(); ++t) {
    const auto& from = candidates.at(static_cast<std::size_t>(choice.per_token[t]));
    copy_row(scores.logprobs, from.logprobs, t, rows);
    copy_row(scores.student_logprobs, from.student_logprobs, t, rows);
    copy_row(scores.topk_ids, from.topk_ids, t, rows);
    copy_row(scores.topk_logprobs, from.topk_logprobs, t, rows);
    copy_row(scores.sampler_logprobs, from.sampler_logprobs, t, rows);
  }
  return scores;
}

}  // namespace clawrl
