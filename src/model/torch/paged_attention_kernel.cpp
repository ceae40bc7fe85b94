#include "model/torch/paged_attention_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/torch/simd.hpp"

namespace clawrl {
namespace {

// Where the pool holds the tokens of the block that begins at `position`.
CLAWRL_INLINE const float* block_rows(const PagedKernelShape& shape, const PagedQuery& query, const float* pool,
                                      std::int64_t position) {
  return pool + query.blocks[position / shape.block_size] * shape.block_size * shape.kv_heads * shape.head_dim;
}

// scores[0..n) become exp(scores - max); returns 1 / their sum.
CLAWRL_INLINE float exponentiate(float* scores, std::int64_t n) {
  float highest = scores[0];
  for (std::int64_t i = 1; i < n; ++i) highest = scores[i] > highest ? scores[i] : highest;
  for (std::int64_t i = 0; i < n; ++i) scores[i] = simd::exp(scores[i] - highest);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += scores[i];
  return static_cast<float>(1.0 / sum);
}

// The query heads [first, first + group) that share one kv head. scratch: group * context floats.
CLAWRL_CLONES
void attend_group(const PagedKernelShape& shape, const float* keys, const float* values, const PagedQuery& query,
                  std::int64_t kv_head, float scale, float* scratch) {
  const auto dim = shape.head_dim, group = shape.heads / shape.kv_heads, context = query.context;
  const auto row_size = shape.kv_heads * dim;  // a block's tokens are neighbours
  const float* q = query.q + kv_head * group * dim;
  float* out = query.out + kv_head * group * dim;
  for (std::int64_t begin = 0; begin < context; begin += shape.block_size) {
    const float* key = block_rows(shape, query, keys, begin) + kv_head * dim;
    const auto end = std::min(begin + shape.block_size, context);
    for (auto position = begin; position < end; ++position, key += row_size)
      for (std::int64_t h = 0; h < group; ++h)
        scratch[h * context + position] = scale * simd::dot(q + h * dim, key, dim);
  }
  std::fill(out, out + group * dim, 0.0F);
  for (std::int64_t h = 0; h < group; ++h) {
    const float inverse = exponentiate(scratch + h * context, context);
    for (std::int64_t i = 0; i < context; ++i) scratch[h * context + i] *= inverse;
  }
  for (std::int64_t begin = 0; begin < context; begin += shape.block_size) {
    const float* value = block_rows(shape, query, values, begin) + kv_head * dim;
    const auto end = std::min(begin + shape.block_size, context);
    for (auto position = begin; position < end; ++position, value += row_size)
      for (std::int64_t h = 0; h < group; ++h)
        simd::add_scaled(out + h * dim, value, scratch[h * context + position], dim);
  }
}

}  // namespace

void paged_attention(const PagedKernelShape& shape, const float* keys, const float* values,
                     std::span<const PagedQuery> rows) {
  thread_local std::vector<float> scratch;
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
  for (const auto& row : rows) {
    const auto needed = static_cast<std::size_t>(row.context * (shape.heads / shape.kv_heads));
    if (scratch.size() < needed) scratch.resize(needed);
    for (std::int64_t kv_head = 0; kv_head < shape.kv_heads; ++kv_head)
      attend_group(shape, keys, values, row, kv_head, scale, scratch.data());
  }
}

}  // namespace clawrl
