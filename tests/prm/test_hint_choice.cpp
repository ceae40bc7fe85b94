#include "core/error.hpp"
#include "kernels/with_kernels.hpp"
#include "prm/hint_choice.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

// Two response tokens, K = J = 2. The sampler had {1,2} and {3,4} on top.
const std::vector<TokenId> kStudent = {1, 2, 3, 4};

TeacherScores scores(std::vector<TokenId> ids, float value) {
  TeacherScores s;
  s.topk_ids = std::move(ids);
  s.logprobs = {value, value};
  s.student_logprobs = s.topk_logprobs = {value, value, value, value};
  return s;
}

const std::vector<std::string> kHints = {"a longer hint than the next", "a short hint",
                                         "a third, longest of all hints"};
const std::vector<TeacherScores> kCandidates = {scores({2, 9, 8, 9}, -1), scores({2, 1, 9, 8}, -2),
                                                scores({7, 8, 4, 3}, -3)};

}  // namespace

TEST_CASE_METHOD(test::WithKernels, "overlap counts ids of the same row") {
  CHECK(topk_overlap(kStudent, {2, 9, 8, 9}, 2) == std::vector<std::int32_t>{1, 0});
  CHECK(topk_overlap(kStudent, {2, 1, 4, 3}, 2) == std::vector<std::int32_t>{2, 2});
  CHECK(topk_overlap({}, {2, 1, 4, 3}, 2) == std::vector<std::int32_t>{0, 0});
}

TEST_CASE_METHOD(test::WithKernels, "sequence: largest sum, ties to the first") {
  const auto choice = choose_hint("sequence", kHints, kCandidates, kStudent, 2);
  CHECK(choice.hint == 1);  // sums 1, 2, 2
  CHECK(chosen_scores(choice, kCandidates, 2).logprobs == std::vector<float>{-2, -2});
}

TEST_CASE_METHOD(test::WithKernels, "token: the best hint of each token, row by row") {
  const auto choice = choose_hint("token", kHints, kCandidates, kStudent, 2);
  CHECK(choice.per_token == std::vector<std::int32_t>{1, 2});
  const auto mixed = chosen_scores(choice, kCandidates, 2);
  CHECK(mixed.logprobs == std::vector<float>{-2, -3});
  CHECK(mixed.student_logprobs == std::vector<float>{-2, -2, -3, -3});
  CHECK(mixed.topk_ids == std::vector<TokenId>{2, 1, 4, 3});
}

TEST_CASE_METHOD(test::WithKernels, "shortest, none and unknown") {
  CHECK(choose_hint("shortest", kHints, kCandidates, kStudent, 2).hint == 1);
  CHECK(choose_hint("sequence", {}, {}, kStudent, 2).hint == -1);
  CHECK(choose_hint("sequence", kHints, kCandidates, {}, 2).hint == 0);
  CHECK(chosen_scores({}, {}, 2).logprobs.empty());
  CHECK_THROWS_AS(choose_hint("best", kHints, kCandidates, kStudent, 2), UserError);
}
