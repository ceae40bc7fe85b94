#pragma once
// From judged turns to what the learning monitor reads.

#include <deque>
#include <string>
#include <vector>

#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "feedback/words.hpp"
#include "metrics/learning_monitor.hpp"

namespace clawrl {

/// Remembers the newest hints, to notice replies that repeat one. Not thread-safe.
class LearningFacts {
 public:
  /// `advantage`: mean over the tokens of the sample that came of it, 0 without one. The turn's own hint, which was
  /// written after the reply, is compared with later replies only.
  JudgedFacts of(const Turn& turn, const Verdict& verdict, double advantage);

 private:
  static constexpr std::size_t most_hints = 32, run = 6, shortest = 4;  // words that repeat a hint
  bool copies_hint(const std::string& reply) const;

  std::deque<std::vector<std::string>> hints_;  // words
};

}  // namespace clawrl
