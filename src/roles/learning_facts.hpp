#pragma once
// From judged turns to what the learning monitor reads.

#include <deque>
#include <string>
#include <unordered_set>

#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "metrics/learning_monitor.hpp"

namespace clawrl {

/// Remembers the newest hints, to notice replies that repeat one. Not thread-safe.
class LearningFacts {
 public:
  /// `advantage`: mean over the tokens of the sample that came of it, 0 without one. The turn's own hint, which was
  /// written after the reply, is compared with later replies only.
  JudgedFacts of(const Turn& turn, const Verdict& verdict, double advantage);

 private:
  static constexpr std::size_t most_hints = 32, longest_run = 6, shortest_run = 4;  // words that repeat a hint
  /// Every run of that many words; a shorter hint is one run.
  struct Hint {
    std::size_t run = 0;
    std::unordered_set<std::string> runs;
  };
  bool copies_hint(const std::string& reply) const;
  void remember(const std::string& hint);

  std::deque<Hint> hints_;
};

}  // namespace clawrl
