#pragma once
// Bytes [begin, end) of a text.

#include <cstddef>

namespace clawrl {

struct TextRange {
  std::size_t begin = 0, end = 0;
  bool operator==(const TextRange&) const = default;
};

}  // namespace clawrl
