#pragma once
// y += scale * B A x for a few rows: what an adapter adds to a projection in a decode step.

#include <cstdint>

namespace clawrl::kernels {

/// One adapter of one projection: a [rank, size], b [columns, rank], dense; size is a multiple of 8.
struct LowRank {
  const float *a, *b;
  std::int64_t rank, size, columns;
  float scale;
};

/// x [rows, size] dense; y [rows, columns] advances by y_stride per row. As in skinny_linear, the bits of a row depend
/// on that row alone. Any thread; the scratch is the calling thread's.
void add_low_rank(const LowRank& adapter, std::int64_t rows, const float* x, float* y, std::int64_t y_stride);

}  // namespace clawrl::kernels
