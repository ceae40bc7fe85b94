#pragma once
// What the tests of feedback weights share: a user's words, a verdict on them, and what they weigh.

#include "judged_turn.hpp"
#include "samples/feedback_weight.hpp"

namespace clawrl::test {

/// A turn of its own each time.
inline Turn turn_of(const std::string& user, const std::string& words, double at_s = 0) {
  static std::int64_t last = 1000;
  Turn turn = answered_turn();
  turn.id = {++last};
  turn.user = user;
  turn.session = "s";
  turn.created_s = at_s;
  turn.next_state = {{"user", words, "", {}, ""}};
  return turn;
}

inline Verdict verdict_of(std::int8_t score, const std::string& origin = "prm") {
  Verdict verdict;
  verdict.turn = {12};
  verdict.votes = {score};
  verdict.score = score;
  verdict.origin = origin;
  return verdict;
}

inline double weight(FeedbackWeights& weights, const Turn& turn, const std::string& origin = "prm") {
  return weights.weigh(turn, verdict_of(-1, origin)).value;
}

}  // namespace clawrl::test
