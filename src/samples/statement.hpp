#pragma once
// What a user's words are about, for two of them to be compared without a model.

#include <cstdint>
#include <string>

namespace clawrl {

/// A user's words taken down to what they are about. 0 = nothing to compare.
struct Statement {
  /// A hash of the sorted stems that are no function words, requests, judgements ("wrong") or negations.
  std::uint64_t topic = 0;
  bool negated = false;  // an odd number of negations: "no lists", "don't write a list", "without lists"
  bool operator==(const Statement&) const = default;
};
Statement statement_of(const std::string& text);

}  // namespace clawrl
