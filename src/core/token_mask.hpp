#pragma once
// What a constrained reply could have been, token by token: training and teachers must see the same distribution.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ids.hpp"

namespace clawrl {

/// Allowed ids as ascending, disjoint, half-open runs: [begin0, end0, begin1, end1, ...]. Example: {5, 7, 9, 10} = 5,
/// 6, 9.
using IdRuns = std::vector<TokenId>;

/// R = response tokens. Log-probs of a masked row are those of the softmax over the allowed ids only.
struct TokenMasks {
  std::vector<std::int32_t> rows;  // [R], or empty when no row is masked: index into `sets`, -1 = every id
  std::vector<IdRuns> sets;        // distinct ones, in order of first use

  bool empty() const { return rows.empty(); }
  /// nullptr = every id is allowed in that row.
  const IdRuns* row(std::size_t r) const {
    return rows.empty() || rows[r] < 0 ? nullptr : &sets[static_cast<std::size_t>(rows[r])];
  }
  bool operator==(const TokenMasks&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(rows, sets);
  }
};

}  // namespace clawrl
