#pragma once
// The random source of the demo and the line between what its models saw and what they are tested on.
//
// Held out means unseen combinations of known words, at every level (names, objects, openers, verb phrases, noun
// phrases, closers ...): a model trained from nothing cannot know unseen words. 3 of 10 combinations, by hash.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace clawrl::demo {

enum class Split { train, held_out };

/// splitmix64: small, the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed)
      : state_(mix(seed + 1)) {}  // mixed: streams of neighbouring seeds must not overlap
  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15ULL); }
  int below(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
  int between(int low, int high) { return low + below(high - low + 1); }  // both included
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double p) { return uniform() < p; }
  std::string_view pick(std::span<const std::string_view> words) {
    return words[below(static_cast<int>(words.size()))];
  }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

inline bool is_held_out(std::string_view level, std::string_view first, std::string_view second) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::string_view part : {level, std::string_view("|"), first, std::string_view("+"), second})
    for (char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return (hash >> 17) % 10 < 3;
}

/// A pair of words whose combination belongs to the split.
struct Pair {
  std::string_view first, second;
  std::string joined(std::string_view gap = " ") const {
    return std::string(first) + (first.empty() || second.empty() ? "" : std::string(gap)) + std::string(second);
  }
};

inline Pair pick_pair(Random& random, Split split, std::string_view level, std::span<const std::string_view> firsts,
                      std::span<const std::string_view> seconds) {
  for (;;) {
    const Pair pair{random.pick(firsts), random.pick(seconds)};
    if (is_held_out(level, pair.first, pair.second) == (split == Split::held_out)) return pair;
  }
}

}  // namespace clawrl::demo
