#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>

#include "core/error.hpp"
#include "model/peft_folder.hpp"
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
  std::vector<ParameterView> parameters(std::int64_t version) override { return versions_.parameters(version); }

 private:
  at::Tensor forward(std::span<const SequenceStep> sequences, std::span<const std::size_t> members);

  const ModelConfig config_;
  const at::Device device_;
  Transformer transformer_;
  VersionTable versions_;
  std::unique_ptr<PagedCache> cache_;
  at::Tensor logits_;  // of the last step, [W,V] on the host
};

/// The rows of one forward: the members of a step one after the other.
struct ForwardRows {
  at::Tensor inputs;  // [3,N]: ids, positions, slots
  std::vector<PagedRows> sequences;
  std::vector<std::shared_ptr<const WeightSet>> weights;  // in use until the forward is done
  std::vector<AdapterRows> adapters;
  std::vector<std::int64_t> wanted;  // rows whose logits are wanted, in the order of the step's sequences
};

// `members` have versions of one base; those of one version are neighbours.
ForwardRows lay_out(std::span<const SequenceStep> sequences, std::span<const std::size_t> members,
                    const VersionTable& versions) {
  ForwardRows rows;
  std::vector<std::pair<std::size_t, std::int64_t>> wanted;
  std::int64_t count = 0, version = 0;
  for (const auto index : members) {
    const auto& s = sequences[index];
    expect(!s.tokens.empty() && s.first_position >= 0, "step: a sequence without new tokens");
    if (rows.weights.empty() || s.version != version) {
      rows.weights.push_back(versions.find(s.version));
      rows.adapters.push_back({count, 0, &rows.weights.back()->lora});
    }
    version = s.version;
    const auto length = static_cast<std::int64_t>(s.tokens.size());
    rows.sequences.push_back({count, length, s.first_position, s.blocks});
    rows.adapters.back().count += length;
    count += length;
    if (s.want_logits) wanted.emplace_back(index, count - 1);
  }
  std::sort(wanted.begin(), wanted.end());
  for (const auto& [index, row] : wanted) rows.wanted.push_back(row);
  rows.inputs = at::empty({3, count}, at::kLong);
  return rows;
}

void fill_inputs(std::span<const SequenceStep> sequences, std::span<const std::size_t> members,
                 const ModelConfig& config, const PagedCache& cache, const at::Tensor& inputs) {
  auto* ids = inputs.data_ptr<std::int64_t>();
  auto *positions = ids + inputs.size(1), *slots = positions + inputs.size(1);
  for (const auto index : members) {
    const auto& s = sequences[index];
    std::int64_t position = s.first_position;
    for (const auto token : s.tokens) {
      if (token < 0 || token >= config.vocab_size)
        throw InternalError("step: token id " + std::to_string(token) + " is not in the vocabulary");
      *ids++ = token;
      *positions++ = position;
      *slots++ = cache.slot(s.blocks, position++);
    }
  }
}

bool is_identity(const std::vector<std::int64_t>& rows, std::int64_t count) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i] != static_cast<std::int64_t>(i)) return false;
  return static_cast<std::int64_t>(rows.size()) == count;
}

// Returns the wanted logits in the order of the step's sequences, undefined if none.
at::Tensor TorchPolicy::forward(std::span<const SequenceStep> sequences, std::span<const std::size_t> members) {
  const auto rows = lay_out(sequences, members, versions_);
  fill_inputs(sequences, members, config_, *cache_, rows.inputs);
  const auto& weights = *rows.weights.front();
  const auto local = rows.inputs.to(device_);
  const auto slots = local.select(0, 2);
  PagedAttention attention(*cache_, slots, rows.sequences);
  auto hidden = transformer_.hidden(weights, local.select(0, 0), local.select(0, 1), attention, rows.adapters);
  if (rows.wanted.empty()) return {};
  if (!is_identity(rows.wanted, hidden.size(0)))
    hidden = hidden.index_select(0, at::tensor(rows.wanted, at::kLong).to(device_));
  return transformer_.logits(weights, hidden).to(at::kCPU);
}

std::span<const float> TorchPolicy::step(std::span<const SequenceStep> sequences) {
  expect(cache_ != nullptr, "step: allocate_cache() comes first");
  const c10::InferenceMode inference;
  std::vector<std::size_t> order(sequences.size());
  std::vector<std::int64_t> result_row(sequences.size());
  std::int64_t wanted = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    result_row[i] = wanted;
    wanted += sequences[i].want_logits ? 1 : 0;
  }
  auto version = [&](std::size_t index) { return sequences[index].version; };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return version(a) < version(b); });
  const bool together = order.empty() || versions_.share_base() || version(order.front()) == version(order.back());
  if (together) {
    logits_ = order.empty() ? at::Tensor() : forward(sequences, order);
  } else {
    logits_ = at::empty({wanted, config_.vocab_size}, at::kFloat);
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {  // full sets: one forward each
      while (end < order.size() && version(order[end]) == version(order[begin])) ++end;
      const auto members = std::span(order).subspan(begin, end - begin);
      const auto logits = forward(sequences, members);
      std::int64_t row = 0;
      for (const auto index : members)
        if (sequences[index].want_logits) logits_.select(0, result_row[index]).copy_(logits.select(0, row++));
    }
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

std::unique_ptr<Policy> make_policy(std::shared_ptr<const WeightImage> image, const std::string& device,
                                    const LoraConfig& lora) {
  limit_threads();
  const auto where = parse_device(device);
  const auto weights = bind_weights(image->config(), flat_weights(image, where));
  return std::make_unique<TorchPolicy>(image->config(), resolve_lora(lora), weights, where);
}

std::unique_ptr<Policy> make_policy(const std::string& folder, const std::string& device, const LoraConfig& lora) {
  parse_device(device);
  return make_policy(load_weight_image(folder), device, lora);
}

}  // namespace clawrl
