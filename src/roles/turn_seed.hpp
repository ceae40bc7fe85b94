#pragma once
// Seeds of the replies' sampling.

#include <cstdint>

namespace clawrl {

/// A seed of its own for every number, the same when the run is repeated.
inline std::uint64_t derived_seed(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t z = seed * 0x9E3779B97F4A7C15ULL + number + 1;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace clawrl
