#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>

#include "core/error.hpp"
#include "model/policy.hpp"
#include "model/torch/paged_cache.hpp"
#include "model/torch/scoring.hpp"
#include "model/torch/transformer.hpp"
#include "model/torch/version_table.hpp"

namespace clawrl {
namespace {

class TorchPolicy : public Policy {
 public:
  TorchPolicy(const ModelConfig& config, const LoraConfig& lora, const WeightSet& base, at::Device device)
      : config_(config), device_(device), transformer_(config), versions_(config, lora, base, device) {}

  const ModelConfig& config() const override { return config_; }

  void allocate_cache(std::int32_t num_blocks, std::int32_t block_size) override {
    expect(!cache_, "the KV cache is allocated already");
    cache_ = std::make_unique<PagedCache>(config_, num_blocks, block_size, device_);
  }

  std::span<const float> step(std::span<const SequenceStep> sequences) override;

  std::vector<ScoreResult> score(std::int64_t version, std::span<const ScoreRequest> sequences) override {
    const c10::InferenceMode inference;
    const auto weights = versions_.find(version);
    return score_sequences(transformer_, *weights, sequences);
  }

  std::vector<ParameterView> shadow(std::int64_t version) override { return versions_.shadow(version); }
  void publish(std::int64_t version) override { versions_.publish(version); }
  void discard(std::int64_t version) override { versions_.discard(version); }
  std::vector<std::int64_t> versions() const override { return versions_.versions(); }
  std::vector<ParameterView> parameters(std::int64_t version) override {
    return parameter_views(config_, *versions_.find(version));
  }

 private:
  at::Tensor run_group(std::int64_t version, std::span<const SequenceStep* const> group);

  const ModelConfig config_;
  const at::Device device_;
  Transformer transformer_;
  VersionTable versions_;
  std::unique_ptr<PagedCache> cache_;
  at::Tensor logits_;  // of the last step, [W,V] on the host
};

// All sequences of one version in one forward; returns the wanted logits in the group's order, undefined if none.
at::Tensor TorchPolicy::run_group(std::int64_t version, std::span<const SequenceStep* const> group) {
  const auto weights = versions_.find(version);
  std::int64_t count = 0;
  for (const auto* sequence : group) count += static_cast<std::int64_t>(sequence->tokens.size());
  auto inputs = at::empty({3, count}, at::kLong);  // ids, positions, slots
  auto* ids = inputs.data_ptr<std::int64_t>();
  auto *positions = ids + count, *slots = ids + 2 * count;
  std::vector<PagedRows> rows;
  std::vector<std::int64_t> wanted;
  std::int64_t row = 0;
  for (const auto* s : group) {
    expect(!s->tokens.empty() && s->first_position >= 0, "step: a sequence without new tokens");
    rows.push_back({row, static_cast<std::int64_t>(s->tokens.size()), s->first_position, s->blocks});
    for (std::int64_t i = 0; i < rows.back().count; ++i, ++row) {
      const auto token = s->tokens[static_cast<std::size_t>(i)];
      if (token < 0 || token >= config_.vocab_size)
        throw InternalError("step: token id " + std::to_string(token) + " is not in the vocabulary");
      ids[row] = token;
      positions[row] = s->first_position + i;
      slots[row] = cache_->slot(s->blocks, positions[row]);
    }
    if (s->want_logits) wanted.push_back(row - 1);
  }
  const auto local = inputs.to(device_);
  const auto local_slots = local.select(0, 2);
  PagedAttention attention(*cache_, local_slots, rows);
  auto hidden = transformer_.hidden(*weights, local.select(0, 0), local.select(0, 1), attention);
  if (wanted.empty()) return {};
  if (static_cast<std::int64_t>(wanted.size()) != count)
    hidden = hidden.index_select(0, at::tensor(wanted, at::kLong).to(device_));
  return transformer_.logits(*weights, hidden).to(at::kCPU);
}

std::span<const float> TorchPolicy::step(std::span<const SequenceStep> sequences) {
  expect(cache_ != nullptr, "step: allocate_cache() comes first");
  const c10::InferenceMode inference;
  std::vector<std::int64_t> numbers;
  std::int64_t wanted = 0;
  for (const auto& s : sequences) {
    if (std::find(numbers.begin(), numbers.end(), s.version) == numbers.end()) numbers.push_back(s.version);
    wanted += s.want_logits ? 1 : 0;
  }
  if (numbers.size() > 1) logits_ = at::empty({wanted, config_.vocab_size}, at::kFloat);
  for (const auto number : numbers) {
    std::vector<const SequenceStep*> group;
    std::vector<std::int64_t> rows;  // of the result, for the group's wanted logits
    std::int64_t row = 0;
    for (const auto& s : sequences) {
      if (s.version == number) group.push_back(&s);
      if (s.version == number && s.want_logits) rows.push_back(row);
      row += s.want_logits ? 1 : 0;
    }
    auto logits = run_group(number, group);
    if (numbers.size() == 1) logits_ = logits;
    for (std::size_t i = 0; numbers.size() > 1 && i < rows.size(); ++i)
      logits_.select(0, rows[i]).copy_(logits.select(0, static_cast<std::int64_t>(i)));
  }
  if (wanted == 0) return {};
  return {logits_.const_data_ptr<float>(), static_cast<std::size_t>(logits_.numel())};
}

at::Device parse_device(const std::string& name) {
  const bool known = name == "cpu" || name == "cuda" || name.starts_with("cuda:");
  require(known, "device '" + name + "' is unknown; allowed: cpu, cuda:N");
  require(name == "cpu" || at::hasCUDA(), "device '" + name + "': LibTorch finds no CUDA device; allowed here: cpu");
  try {
    return at::Device(name);
  } catch (const std::exception&) {
    throw UserError("device '" + name + "' is malformed; allowed: cpu, cuda:N");
  }
}

// Ranks share cores: one thread each. Torch takes the inter-op setting once per process, before its first use.
void limit_threads() {
  static std::once_flag once;
  std::call_once(once, [] {
    at::set_num_threads(1);
    try {
      at::set_num_interop_threads(1);
    } catch (const std::exception&) {  // someone set it before: their choice stands
    }
  });
}

}  // namespace

std::unique_ptr<Policy> make_policy(const std::string& folder, const std::string& device, const LoraConfig& lora) {
  limit_threads();
  const auto where = parse_device(device);
  const auto config = read_model_config(folder);
  const auto weights = bind_weights(config, load_weights(folder, config).to(where));
  return std::make_unique<TorchPolicy>(config, lora, weights, where);
}

}  // namespace clawrl
