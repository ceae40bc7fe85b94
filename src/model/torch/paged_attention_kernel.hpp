#pragma once
// Attention of single rows to paged keys and values, on the CPU, in place.

#include <cstdint>
#include <span>

namespace clawrl {

struct PagedKernelShape {
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0, block_size = 0;
};

/// One query row: it sees the tokens [first, context) of the sequence whose block table is `blocks`.
struct PagedQuery {
  const float* q = nullptr;  // [heads, head_dim]
  float* out = nullptr;      // [heads, head_dim]
  const std::int32_t* blocks = nullptr;
  std::int64_t first = 0, context = 0;  // first < context
};

/// softmax(q K^T / sqrt(head_dim)) V for every row; keys and values are one layer's pool [slots, kv_heads * head_dim].
void paged_attention(const PagedKernelShape& shape, const float* keys, const float* values,
                     std::span<const PagedQuery> rows);

}  // namespace clawrl
