#pragma once
// Which of several hints the teacher uses (method.md 3): the one under which the teacher's top-k agrees most with what
// the sampler had among its top-k.

#include <cstdint>
#include <string>
#include <vector>

#include "core/verdict.hpp"

namespace clawrl {

/// [R] how many of the sampler's ids (student [R,K]) are in the same row of the teacher's (teacher [R,J]).
/// Either may be empty: then all are 0. A KernelRuntime must live.
std::vector<std::int32_t> topk_overlap(const std::vector<TokenId>& student, const std::vector<TokenId>& teacher,
                                       std::size_t rows);

struct HintChoice {
  std::int32_t hint = -1;               // index of the chosen candidate; -1 without candidates
  std::vector<std::int32_t> per_token;  // [R] with rule "token": the candidate whose teacher scores each token
};

/// Rules: "sequence" = largest overlap summed over the tokens; "token" = largest overlap at each token on its own
/// (`hint` is then the sequence's choice); "shortest" = fewest code points. Ties go to the first.
/// candidates[i] are the teacher's scores with hints[i]; student [R,K] may be empty: then no overlap counts.
HintChoice choose_hint(const std::string& rule, const std::vector<std::string>& hints,
                       const std::vector<TeacherScores>& candidates, const std::vector<TokenId>& student,
                       std::size_t rows);

/// The chosen candidate's scores, row by row for the rule "token". All candidates have equal widths.
TeacherScores chosen_scores(const HintChoice& choice, std::vector<TeacherScores> candidates, std::size_t rows);

}  // namespace clawrl
