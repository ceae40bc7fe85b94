#include "model/torch/paged_attention_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/torch/simd.hpp"

namespace clawrl {
namespace {

using simd::Vector;

// Where the pool holds the token at `position`; the tokens of a block are neighbours.
CLAWRL_INLINE const float* rows_from(const PagedKernelShape& shape, const PagedQuery& query, const float* pool,
                                     std::int64_t position) {
  const auto slot = query.blocks[position / shape.block_size] * shape.block_size + position % shape.block_size;
  return pool + slot * shape.kv_heads * shape.head_dim;
}

// scores[i] = q . key[i], i < count; keys are `stride` floats apart. Eight at a time share one reduction.
CLAWRL_INLINE void dot_rows(const float* q, const float* keys, std::int64_t stride, std::int64_t dim,
                            std::int64_t count, float* scores) {
  std::int64_t i = 0;
  for (; dim % simd::width == 0 && i + simd::width <= count; i += simd::width, keys += simd::width * stride) {
    Vector sums[simd::width] = {};
    for (std::int64_t j = 0; j < dim; j += simd::width)
      for (std::int64_t k = 0; k < simd::width; ++k) sums[k] += simd::at(q + j) * simd::at(keys + k * stride + j);
    simd::sum_each(sums, scores + i);
  }
  for (; i < count; ++i, keys += stride) scores[i] = simd::dot(q, keys, dim);
}

// scores become exp(scale * (scores - max)) / sum.
CLAWRL_INLINE void softmax(float* scores, std::int64_t n, float scale) {
  const float highest = simd::largest(scores, n);
  for (std::int64_t i = 0; i < n; ++i) scores[i] = simd::exp(scale * (scores[i] - highest));
  Vector sums{};
  std::int64_t i = 0;
  for (; i + simd::width <= n; i += simd::width) sums += simd::at(scores + i);
  float total = simd::sum(sums);
  for (; i < n; ++i) total += scores[i];
  const float inverse = 1.0F / total;
  for (i = 0; i < n; ++i) scores[i] *= inverse;
}

// out[h] += sum of weights[h][i] * values[i], for the heads of one group; sums stay in registers over a block.
CLAWRL_INLINE void add_weighted_rows(const float* weights, const float* values, std::int64_t stride, std::int64_t dim,
                                     std::int64_t count, float* out) {
  std::int64_t j = 0;
  for (; j + 4 * simd::width <= dim; j += 4 * simd::width) {
    Vector sums[4];
    for (int k = 0; k < 4; ++k) sums[k] = simd::at(out + j + k * simd::width);
    for (std::int64_t i = 0; i < count; ++i)
      for (int k = 0; k < 4; ++k) sums[k] += weights[i] * simd::at(values + i * stride + j + k * simd::width);
    for (int k = 0; k < 4; ++k) simd::at(out + j + k * simd::width) = sums[k];
  }
  for (std::int64_t i = 0; i < count && j < dim; ++i)
    simd::add_scaled(out + j, values + i * stride + j, weights[i], dim - j);
}

// Tokens of the context that lie behind `position` in its block, itself included.
CLAWRL_INLINE std::int64_t rest_of_block(const PagedKernelShape& shape, const PagedQuery& query,
                                         std::int64_t position) {
  const auto end = (position / shape.block_size + 1) * shape.block_size;
  return (end < query.context ? end : query.context) - position;
}

// The query heads that share one kv head. scratch: group * (context - first) floats.
CLAWRL_CLONES
void attend_group(const PagedKernelShape& shape, const float* keys, const float* values, const PagedQuery& query,
                  std::int64_t kv_head, float scale, float* scratch) {
  const auto dim = shape.head_dim, group = shape.heads / shape.kv_heads, seen = query.context - query.first;
  const auto row_size = shape.kv_heads * dim;
  const float* q = query.q + kv_head * group * dim;
  float* out = query.out + kv_head * group * dim;
  for (std::int64_t begin = 0, count = 0; begin < seen; begin += count) {
    const float* rows = rows_from(shape, query, keys, query.first + begin) + kv_head * dim;
    count = rest_of_block(shape, query, query.first + begin);
    for (std::int64_t h = 0; h < group; ++h)
      dot_rows(q + h * dim, rows, row_size, dim, count, scratch + h * seen + begin);
  }
  for (std::int64_t h = 0; h < group; ++h) softmax(scratch + h * seen, seen, scale);
  std::fill(out, out + group * dim, 0.0F);
  for (std::int64_t begin = 0, count = 0; begin < seen; begin += count) {
    const float* rows = rows_from(shape, query, values, query.first + begin) + kv_head * dim;
    count = rest_of_block(shape, query, query.first + begin);
    for (std::int64_t h = 0; h < group; ++h)
      add_weighted_rows(scratch + h * seen + begin, rows, row_size, dim, count, out + h * dim);
  }
}

}  // namespace

void paged_attention(const PagedKernelShape& shape, const float* keys, const float* values,
                     std::span<const PagedQuery> rows) {
  thread_local std::vector<float> scratch;
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
  for (const auto& row : rows) {
    const auto needed = static_cast<std::size_t>((row.context - row.first) * (shape.heads / shape.kv_heads));
    if (scratch.size() < needed) scratch.resize(needed);
    for (std::int64_t kv_head = 0; kv_head < shape.kv_heads; ++kv_head)
      attend_group(shape, keys, values, row, kv_head, scale, scratch.data());
  }
}

}  // namespace clawrl
