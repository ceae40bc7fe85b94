#pragma once
// A small judged turn that every sample test starts from.

#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl::test {

/// Prompt of 3 tokens, reply of 2, K = 2, version 4, temperature 1.
inline Turn answered_turn() {
  Turn turn;
  turn.id = {12};
  turn.prompt = {5, 6, 7};
  turn.completion.ids = {8, 9};
  turn.completion.logprobs = {-0.5F, -1.0F};
  turn.completion.logprobs_t1 = {-0.5F, -1.0F};
  turn.completion.topk_ids = {8, 1, 2, 9};
  turn.completion.topk_logprobs = {-0.5F, -1.5F, -0.75F, -1.0F};
  turn.completion.versions = {4, 4};
  turn.completion.finish = FinishReason::stop;
  turn.state = TurnState::scored;
  return turn;
}

/// Score -1 with one hint; the teacher moves the first token down by 1 and the second up by 0.25.
inline Verdict hinted_verdict() {
  Verdict verdict;
  verdict.turn = {12};
  verdict.votes = {std::int8_t{-1}, std::int8_t{-1}};
  verdict.score = -1;
  verdict.hints = {"Do not use bold text."};
  verdict.chosen_hint = 0;
  verdict.teacher.logprobs = {-1.5F, -0.75F};
  verdict.teacher.student_logprobs = {-1.5F, -1.0F, -3.75F, -0.75F};
  verdict.teacher.topk_ids = {1, 3, 9, 4};
  verdict.teacher.topk_logprobs = {-1.0F, -1.25F, -0.75F, -1.0F};
  return verdict;
}

}  // namespace clawrl::test
