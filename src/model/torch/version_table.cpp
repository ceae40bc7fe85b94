#include "model/torch/version_table.hpp"

#include <ATen/ATen.h>

#include "core/error.hpp"

namespace clawrl {

VersionTable::VersionTable(const ModelConfig& config, const LoraConfig& lora, WeightSet base, at::Device device)
    : config_(config),
      lora_(lora),
      device_(device),
      matrix_type_(base.embed.scalar_type()),
      layout_(lora.rank > 0 ? lora_layout(config, lora) : weight_layout(config)),
      base_(lora.rank > 0 ? base : WeightSet()) {
  if (lora.rank > 0 && !lora.adapter.empty())
    published_[0] = bind(load_lora(config, lora));
  else
    published_[0] = {std::make_shared<const WeightSet>(std::move(base)), {}};
}

VersionTable::Version VersionTable::at(std::int64_t version) const {
  const std::lock_guard lock(mutex_);
  const auto found = published_.find(version);
  require(found != published_.end(), "policy version " + std::to_string(version) + " is not loaded on this rank");
  return found->second;
}

std::shared_ptr<const WeightSet> VersionTable::find(std::int64_t version) const {
  return at(version).weights;
}

std::vector<ParameterView> VersionTable::parameters(std::int64_t version) const {
  const auto found = at(version);
  std::vector<ParameterView> views;
  if (version == 0 || !share_base()) views = parameter_views(config_, *found.weights);
  if (!found.adapter.defined()) return views;
  for (auto& view : parameter_views(layout_, found.adapter)) views.push_back(std::move(view));
  return views;
}

std::vector<ParameterView> VersionTable::shadow(std::int64_t version) {
  const std::lock_guard lock(mutex_);
  expect(!published_.contains(version), "policy version " + std::to_string(version) + " is published already");
  auto& flat = shadows_[version];
  if (!flat.defined()) flat = at::zeros({layout_.size}, at::kFloat);
  return parameter_views(layout_, flat);
}

VersionTable::Version VersionTable::bind(const at::Tensor& flat) const {
  const auto local = flat.to(device_);
  if (!share_base()) {
    const auto parts = split_flat(config_, local, matrix_type_);
    return {std::make_shared<const WeightSet>(bind_weights(config_, parts)), {}};
  }
  auto adapted = base_;
  adapted.lora = bind_lora(config_, lora_, local);
  return {std::make_shared<const WeightSet>(std::move(adapted)), local};
}

void VersionTable::publish(std::int64_t version) {
  at::Tensor flat;
  {
    const std::lock_guard lock(mutex_);
    const auto found = shadows_.find(version);
    expect(found != shadows_.end(), "policy version " + std::to_string(version) + " has no shadow to publish");
    flat = found->second;
  }
  auto bound = bind(flat);
  const std::lock_guard lock(mutex_);
  if (shadows_.erase(version) > 0) published_[version] = std::move(bound);  // 0: discarded meanwhile
}

void VersionTable::discard(std::int64_t version) {
  Version freed;  // released after the lock
  const std::lock_guard lock(mutex_);
  shadows_.erase(version);
  const auto found = published_.find(version);
  if (found == published_.end()) return;
  freed = std::move(found->second);
  published_.erase(found);
}

std::vector<std::int64_t> VersionTable::versions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> numbers;
  for (const auto& [number, set] : published_) numbers.push_back(number);
  return numbers;
}

}  // namespace clawrl
