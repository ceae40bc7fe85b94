#include "model/torch/version_table.hpp"

#include <ATen/ATen.h>

#include "core/error.hpp"

namespace clawrl {

VersionTable::VersionTable(const ModelConfig& config, const LoraConfig& lora, WeightSet base, at::Device device)
    : config_(config), lora_(lora), device_(device) {
  published_[0] = std::make_shared<const WeightSet>(base);
  if (lora.rank > 0) base_ = std::move(base);
}

std::shared_ptr<const WeightSet> VersionTable::find(std::int64_t version) const {
  const std::lock_guard lock(mutex_);
  const auto at = published_.find(version);
  require(at != published_.end(), "policy version " + std::to_string(version) + " is not loaded on this rank");
  return at->second;
}

std::vector<ParameterView> VersionTable::shadow(std::int64_t version) {
  const auto layout = lora_.rank > 0 ? lora_layout(config_, lora_) : weight_layout(config_);
  const std::lock_guard lock(mutex_);
  expect(!published_.contains(version), "policy version " + std::to_string(version) + " is published already");
  auto& flat = shadows_[version];
  if (!flat.defined()) flat = at::zeros({layout.size}, at::kFloat);
  return parameter_views(layout, flat);
}

WeightSet VersionTable::published_set(const at::Tensor& flat) const {
  const auto local = flat.to(device_);
  if (lora_.rank == 0) return bind_weights(config_, local);
  return merge(config_, base_, bind_lora(config_, lora_, local));
}

void VersionTable::publish(std::int64_t version) {
  at::Tensor flat;
  {
    const std::lock_guard lock(mutex_);
    const auto at = shadows_.find(version);
    expect(at != shadows_.end(), "policy version " + std::to_string(version) + " has no shadow to publish");
    flat = at->second;
  }
  auto set = std::make_shared<const WeightSet>(published_set(flat));
  const std::lock_guard lock(mutex_);
  if (shadows_.erase(version) > 0) published_[version] = std::move(set);  // 0: discarded meanwhile
}

void VersionTable::discard(std::int64_t version) {
  std::shared_ptr<const WeightSet> freed;  // released after the lock
  const std::lock_guard lock(mutex_);
  shadows_.erase(version);
  const auto at = published_.find(version);
  if (at == published_.end()) return;
  freed = std::move(at->second);
  published_.erase(at);
}

std::vector<std::int64_t> VersionTable::versions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> numbers;
  for (const auto& [number, set] : published_) numbers.push_back(number);
  return numbers;
}

}  // namespace clawrl
