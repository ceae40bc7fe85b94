#pragma once
// Keys and values of all cached tokens, in blocks, and the attention that reads them.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "model/model_config.hpp"
#include "model/torch/transformer.hpp"

namespace clawrl {

/// Pools are [layers, num_blocks * block_size, kv_heads * head_dim] f32. A slot is one token's row:
/// block * block_size + offset in the block.
class PagedCache {
 public:
  PagedCache(const ModelConfig& config, std::int32_t num_blocks, std::int32_t block_size, at::Device device);

  /// Slot of position p of a sequence with this block table. Throws InternalError outside the table or the pool.
  std::int64_t slot(std::span<const std::int32_t> blocks, std::int64_t position) const;

  /// Stores k and v [N,K,d] of one layer; slots [N].
  void write(std::int64_t layer, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slots);

  const at::Tensor& keys() const { return keys_; }
  const at::Tensor& values() const { return values_; }
  std::int32_t block_size() const { return block_size_; }

 private:
  std::int32_t num_blocks_, block_size_;
  at::Tensor keys_, values_;
};

/// The rows of one sequence among the N tokens of a step. `blocks` belongs to the caller of step().
struct PagedRows {
  std::int64_t begin = 0, count = 0;  // rows [begin, begin + count)
  std::int64_t first_position = 0;
  std::span<const std::int32_t> blocks;
};

/// Causal attention of new tokens to their sequence's cache. Short runs of rows go through one C++ kernel that reads
/// the pool in place; long prefill chunks gather their keys and use torch's blocked kernel. Not differentiable.
class PagedAttention : public Attention {
 public:
  /// slots [N] i64: where each row's K and V go. All arguments must outlive the object.
  PagedAttention(PagedCache& cache, const at::Tensor& slots, std::span<const PagedRows> sequences);
  at::Tensor operator()(std::int64_t layer, std::int64_t window, const at::Tensor& q, const at::Tensor& k,
                        const at::Tensor& v) override;

 private:
  /// What a long chunk sees of its sequence; undefined `slots`: only its own rows, undefined `mask`: all or causal.
  struct Context {
    bool known = false;
    at::Tensor slots, mask;  // [T] i64, [rows, T] bool
  };
  const Context& context(const PagedRows& rows, std::int64_t window);
  void attend_chunk(const PagedRows& rows, const Context& context, std::int64_t layer, const at::Tensor& q,
                    const at::Tensor& k, const at::Tensor& v, const at::Tensor& out) const;
  at::Tensor context_slots(const PagedRows& rows, std::int64_t first) const;

  PagedCache& cache_;
  const at::Tensor& slots_;
  std::span<const PagedRows> sequences_;
  std::map<std::int64_t, std::vector<Context>> contexts_;  // by window, one per sequence; shared by the layers
};

}  // namespace clawrl
