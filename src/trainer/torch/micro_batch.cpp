#include "trainer/torch/micro_batch.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace clawrl {
namespace {

/// Tokens whose hidden state is needed: all before the last trained one.
std::int64_t used_length(const TrainingSample& sample) {
  for (auto t = static_cast<std::int64_t>(sample.loss_mask.size()) - 1; t > 0; --t) {
    if (sample.loss_mask[static_cast<std::size_t>(t)]) return t;
  }
  return 0;
}

template <class T>
at::Tensor tensor(const std::vector<T>& values, const at::Device& device) {
  const auto type = c10::CppTypeToScalarType<T>::value;
  auto* data = const_cast<T*>(values.data());  // from_blob takes no const pointer; the memory is only read
  return at::from_blob(data, {static_cast<std::int64_t>(values.size())}, type).to(device, type, false, true);
}

/// Columns of the trained tokens while they are collected.
struct Columns {
  std::vector<std::int64_t> rows, targets, kinds;
  std::vector<float> weights, sampler, advantages, reference, temperature, fresh, topk_sampler, topk_advantages,
      topk_teacher;
  std::vector<const IdRuns*> masks;
  bool any_reference = false, any_temperature = false, any_mask = false, any_teacher = false;
};

/// Rows of a mask are the last ones of the sample.
const IdRuns* mask_of(const TrainingSample& sample, std::size_t t) {
  const std::size_t begin = sample.ids.size() - sample.masks.rows.size();
  return t < begin ? nullptr : sample.masks.row(t - begin);
}

void add_candidates(Columns& columns, const TrainingSample& sample, std::size_t t, std::size_t width) {
  const auto own = static_cast<std::size_t>(sample.topk_width);
  const std::size_t response = own ? sample.topk_ids.size() / own : 0;
  const std::size_t begin = sample.ids.size() - response;
  const bool taught = !sample.topk_teacher_logprobs.empty();
  columns.any_teacher |= taught;
  for (std::size_t k = 0; k < width; ++k) {
    const bool present = k < own && t >= begin;
    const std::size_t at = present ? (t - begin) * own + k : 0;
    columns.targets.push_back(present ? sample.topk_ids[at] : sample.ids[t]);  // one that a mask allows
    columns.topk_sampler.push_back(present ? sample.topk_logprobs[at] : 0.0F);
    columns.topk_advantages.push_back(present ? sample.topk_advantages[at] : 0.0F);
    columns.topk_teacher.push_back(present && taught ? sample.topk_teacher_logprobs[at]
                                                     : std::numeric_limits<float>::quiet_NaN());
  }
}

void add_sample(Columns& columns, const TrainingSample& sample, std::int64_t first_row, std::size_t width,
                const PackContext& context) {
  const double weight = token_weight(context.aggregation, sample.response_length(),
                                     static_cast<double>(context.active_tokens), static_cast<double>(context.samples));
  const std::int64_t kind =
      context.kinds.empty() ? 0 : context.kinds[static_cast<std::size_t>(&sample - context.shard.data())];
  const bool referenced = !sample.reference_logprobs.empty();
  columns.any_reference |= referenced;
  columns.any_temperature |= sample.temperature != 1.0F;
  for (std::size_t t = 1; t < sample.ids.size(); ++t) {
    if (!sample.loss_mask[t]) continue;
    columns.rows.push_back(first_row + static_cast<std::int64_t>(t) - 1);
    columns.targets.push_back(sample.ids[t]);
    columns.weights.push_back(static_cast<float>(weight));
    columns.temperature.push_back(sample.temperature);
    columns.masks.push_back(mask_of(sample, t));
    columns.any_mask |= columns.masks.back() != nullptr;
    columns.fresh.push_back(sample.version == context.version ? 1.0F : 0.0F);
    if (!context.kinds.empty()) columns.kinds.push_back(kind);
    columns.sampler.push_back(context.uses_sampler ? sample.sampler_logprobs[t] : 0.0F);
    columns.advantages.push_back(context.uses_sampler ? sample.advantages[t] : 0.0F);
    columns.reference.push_back(referenced ? sample.reference_logprobs[t] : std::numeric_limits<float>::quiet_NaN());
    add_candidates(columns, sample, t, width);
  }
}

}  // namespace

MicroBatchLimits micro_batch_limits(const ModelConfig& config, const at::Device& device) {
  constexpr std::int64_t budget = std::int64_t{1} << 28;  // floats
  const std::int64_t queries = config.num_heads * config.head_dim, keys = config.num_kv_heads * config.head_dim;
  std::int64_t per_token = 0;
  for (std::int64_t layer = 0; layer < config.num_layers; ++layer) {
    const bool mixture = config.experts.in(layer);
    const std::int64_t inner =
        mixture ? config.experts.per_token * config.experts.intermediate_size : config.intermediate_size;
    per_token += 4 * config.hidden_size  // both norms' inputs and outputs
                 + 6 * queries           // q before and after its norm, k and v repeated per head, attention twice
                 + 3 * keys              // k before and after its norm, v
                 + 3 * inner;            // gate, up and their product
  }
  MicroBatchLimits limits;
  if (device.is_cpu()) limits.tokens = 512;
  if (per_token > 0) limits.tokens = std::clamp<std::int64_t>(budget / per_token, 64, limits.tokens);
  return limits;
}

std::vector<std::vector<const TrainingSample*>> plan_micro_batches(std::span<const TrainingSample> samples,
                                                                   std::int64_t vocabulary,
                                                                   const MicroBatchLimits& limits) {
  std::vector<std::pair<std::int64_t, const TrainingSample*>> order;
  for (const auto& sample : samples) {
    if (const auto length = used_length(sample); length > 0) order.emplace_back(length, &sample);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::vector<const TrainingSample*>> plan;
  std::int64_t longest = 0, active = 0;
  for (const auto& [length, sample] : order) {
    const auto rows = plan.empty() ? 0 : static_cast<std::int64_t>(plan.back().size()) + 1;
    active += sample->response_length();
    if (plan.empty() || rows * longest > limits.tokens || active * vocabulary > limits.logits) {
      plan.emplace_back();
      longest = length;
      active = sample->response_length();
    }
    plan.back().push_back(sample);
  }
  return plan;
}

MicroBatch pack(const std::vector<const TrainingSample*>& samples, const PackContext& context,
                const at::Device& device) {
  MicroBatch out;
  std::int64_t width = 0;
  for (const auto* sample : samples) {
    out.length = std::max(out.length, used_length(*sample));
    width = std::max<std::int64_t>(width, context.uses_sampler ? sample->topk_width : 0);
  }
  out.batch = static_cast<std::int64_t>(samples.size());
  std::vector<std::int64_t> ids(static_cast<std::size_t>(out.batch * out.length), 0);
  Columns columns;
  for (std::int64_t row = 0; row < out.batch; ++row) {
    const auto& sample = *samples[static_cast<std::size_t>(row)];
    std::copy_n(sample.ids.begin(), used_length(sample), ids.begin() + row * out.length);
    add_sample(columns, sample, row * out.length, static_cast<std::size_t>(width), context);
  }
  const auto count = static_cast<std::int64_t>(columns.rows.size());
  out.ids = tensor(ids, device);
  out.positions = at::arange(out.length, at::kLong).repeat({out.batch}).to(device);
  out.rows = tensor(columns.rows, device);
  out.targets = tensor(columns.targets, device).view({count, 1 + width});
  if (columns.any_temperature) out.temperature = tensor(columns.temperature, device);
  if (columns.any_mask) out.masks = std::move(columns.masks);
  out.fresh = tensor(columns.fresh, device);
  if (!columns.kinds.empty()) out.kinds = tensor(columns.kinds, device);
  out.loss.weights = tensor(columns.weights, device);
  out.loss.sampler_logprobs = tensor(columns.sampler, device);
  out.loss.advantages = tensor(columns.advantages, device);
  if (columns.any_reference) out.loss.reference_logprobs = tensor(columns.reference, device);
  if (width > 0) {
    out.loss.topk_sampler_logprobs = tensor(columns.topk_sampler, device).view({count, width});
    out.loss.topk_advantages = tensor(columns.topk_advantages, device).view({count, width});
    if (columns.any_teacher) out.loss.topk_teacher_logprobs = tensor(columns.topk_teacher, device).view({count, width});
  }
  return out;
}

}  // namespace clawrl
