#pragma once
// The policy versions of one rank: published weight sets and shadows that are being filled.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/parameter_view.hpp"
#include "model/model_config.hpp"
#include "model/policy.hpp"
#include "model/torch/weight_set.hpp"

namespace clawrl {

/// All methods may be called from any thread. A set that a step is using lives until that step lets go of it.
class VersionTable {
 public:
  /// `base` is version 0; with LoRA every published set is base + adapter and shares what no adapter touches.
  VersionTable(const ModelConfig& config, const LoraConfig& lora, WeightSet base, at::Device device);

  /// Throws UserError naming the version when it is not published.
  std::shared_ptr<const WeightSet> find(std::int64_t version) const;

  std::vector<ParameterView> shadow(std::int64_t version);  // host memory; see Policy::shadow
  void publish(std::int64_t version);
  void discard(std::int64_t version);
  std::vector<std::int64_t> versions() const;

 private:
  WeightSet published_set(const at::Tensor& flat) const;

  const ModelConfig config_;
  const LoraConfig lora_;
  const at::Device device_;
  WeightSet base_;  // kept for merging; empty when every version is a full set
  mutable std::mutex mutex_;
  std::map<std::int64_t, at::Tensor> shadows_;  // flat buffers
  std::map<std::int64_t, std::shared_ptr<const WeightSet>> published_;
};

}  // namespace clawrl
