#include "model/torch/paged_cache.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/error.hpp"
#include "model/torch/paged_attention_kernel.hpp"

namespace clawrl {
namespace {

// From this many rows on, gathering the keys and one blocked product beat row-by-row attention.
constexpr std::int64_t long_chunk = 16;

bool is_long(const PagedRows& rows, bool on_cpu) {
  return !on_cpu || rows.count >= long_chunk;
}

}  // namespace

PagedCache::PagedCache(const ModelConfig& config, std::int32_t num_blocks, std::int32_t block_size, at::Device device)
    : num_blocks_(num_blocks), block_size_(block_size) {
  require(num_blocks > 0 && block_size > 0, "the KV cache needs at least one block of at least one token");
  const auto slots = static_cast<std::int64_t>(num_blocks) * block_size;
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  keys_ = at::zeros({config.num_layers, slots, config.num_kv_heads * config.head_dim}, options);
  values_ = at::zeros_like(keys_);
}

std::int64_t PagedCache::slot(std::span<const std::int32_t> blocks, std::int64_t position) const {
  const auto index = static_cast<std::size_t>(position / block_size_);
  if (position < 0 || index >= blocks.size())
    throw InternalError("position " + std::to_string(position) + " lies outside the block table");
  const auto block = blocks[index];
  if (block < 0 || block >= num_blocks_)
    throw InternalError("block " + std::to_string(block) + " lies outside the KV cache");
  return static_cast<std::int64_t>(block) * block_size_ + position % block_size_;
}

void PagedCache::write(std::int64_t layer, const at::Tensor& k, const at::Tensor& v, const at::Tensor& slots) {
  const auto row_size = keys_.size(2), rows = k.size(0);
  if (!keys_.is_cpu()) {
    keys_.select(0, layer).index_copy_(0, slots, k.reshape({rows, row_size}));
    values_.select(0, layer).index_copy_(0, slots, v.reshape({rows, row_size}));
    return;
  }
  const auto bytes = static_cast<std::size_t>(row_size) * sizeof(float);
  const auto* slot = slots.const_data_ptr<std::int64_t>();
  auto* key_pool = keys_.data_ptr<float>() + layer * keys_.stride(0);
  auto* value_pool = values_.data_ptr<float>() + layer * values_.stride(0);
  const auto *key = k.const_data_ptr<float>(), *value = v.const_data_ptr<float>();
  for (std::int64_t i = 0; i < rows; ++i) {
    std::memcpy(key_pool + slot[i] * row_size, key + i * k.stride(0), bytes);
    std::memcpy(value_pool + slot[i] * row_size, value + i * v.stride(0), bytes);
  }
}

PagedAttention::PagedAttention(PagedCache& cache, const at::Tensor& slots, std::span<const PagedRows> sequences)
    : cache_(cache), slots_(slots), sequences_(sequences) {}

const PagedAttention::Context& PagedAttention::context(const PagedRows& rows, std::int64_t window) {
  auto& contexts = contexts_[window];
  contexts.resize(sequences_.size());
  auto& context = contexts[static_cast<std::size_t>(&rows - sequences_.data())];
  if (context.known) return context;
  context.known = true;
  const auto end = rows.first_position + rows.count;
  const auto first = window > 0 ? std::max<std::int64_t>(0, rows.first_position - window + 1) : 0;
  const bool from_start = rows.first_position == 0, hides = window > 0 && window < end;
  if (!from_start) context.slots = context_slots(rows, first);
  if (rows.count == 1 || (from_start && !hides)) return context;
  const auto query = at::arange(rows.first_position, end, slots_.options()).unsqueeze(1);
  const auto key = at::arange(first, end, slots_.options());
  context.mask = key <= query;
  if (hides) context.mask.logical_and_(key > query - window);
  return context;
}

at::Tensor PagedAttention::context_slots(const PagedRows& rows, std::int64_t first) const {
  const auto end = rows.first_position + rows.count;
  auto slots = at::empty({end - first}, at::kLong);
  auto* out = slots.data_ptr<std::int64_t>();
  for (std::int64_t p = first; p < end; ++p) out[p - first] = cache_.slot(rows.blocks, p);
  return slots.to(slots_.device());
}

void PagedAttention::attend_chunk(const PagedRows& rows, const Context& context, std::int64_t layer,
                                  const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const at::Tensor& out) const {
  const auto kv_heads = k.size(1), dim = k.size(2), group = q.size(1) / kv_heads;
  auto visible = [&](const at::Tensor& fresh, const at::Tensor& pool) {  // -> [1,H,T,d]
    auto x = context.slots.defined() ? pool.select(0, layer).index_select(0, context.slots)
                                     : fresh.narrow(0, rows.begin, rows.count);
    const auto tokens = x.size(0);
    x = x.reshape({tokens, kv_heads, 1, dim});
    if (group > 1) x = x.expand({tokens, kv_heads, group, dim});
    return x.reshape({1, tokens, kv_heads * group, dim}).transpose(1, 2);
  };
  const auto query = q.narrow(0, rows.begin, rows.count).unsqueeze(0).transpose(1, 2);
  const std::optional<at::Tensor> mask = context.mask.defined() ? std::optional(context.mask) : std::nullopt;
  const bool causal = !mask && rows.count > 1;
  const auto mixed = at::scaled_dot_product_attention(query, visible(k, cache_.keys()), visible(v, cache_.values()),
                                                      mask, 0.0, causal);
  out.narrow(0, rows.begin, rows.count).copy_(mixed.transpose(1, 2).reshape({rows.count, out.size(1)}));
}

at::Tensor PagedAttention::operator()(std::int64_t layer, std::int64_t window, const at::Tensor& q, const at::Tensor& k,
                                      const at::Tensor& v) {
  cache_.write(layer, k, v, slots_);
  const bool on_cpu = q.is_cpu();
  auto out = at::empty({q.size(0), q.size(1) * q.size(2)}, q.options());
  std::vector<PagedQuery> queries;
  for (const auto& rows : sequences_) {
    if (is_long(rows, on_cpu)) {
      attend_chunk(rows, context(rows, window), layer, q, k, v, out);
      continue;
    }
    for (std::int64_t i = 0; i < rows.count; ++i) {
      const auto row = rows.begin + i;
      const auto end = rows.first_position + i + 1, first = window > 0 ? std::max<std::int64_t>(0, end - window) : 0;
      queries.push_back({q.const_data_ptr<float>() + row * q.stride(0), out.data_ptr<float>() + row * out.stride(0),
                         rows.blocks.data(), first, end});
    }
  }
  if (queries.empty()) return out;
  const auto offset = layer * cache_.keys().stride(0);
  const auto* keys = cache_.keys().const_data_ptr<float>() + offset;
  const auto* values = cache_.values().const_data_ptr<float>() + offset;
  paged_attention({q.size(1), k.size(1), q.size(2), cache_.block_size()}, keys, values, queries);
  return out;
}

}  // namespace clawrl
