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
  /// Version 0 is `base`, with the adapter of lora.adapter if that is given. With LoRA all versions share the tensors
  /// of `base` and differ in their adapter: a version costs the memory of its adapter.
  VersionTable(const ModelConfig& config, const LoraConfig& lora, WeightSet base, at::Device device);

  /// True: the sets of all versions are equal but for their `lora`, so one forward can serve them together.
  bool share_base() const { return lora_.rank > 0; }

  /// Throws UserError naming the version when it is not published.
  std::shared_ptr<const WeightSet> find(std::int64_t version) const;

  std::vector<ParameterView> shadow(std::int64_t version);  // host memory; see Policy::shadow
  void publish(std::int64_t version);
  void discard(std::int64_t version);
  std::vector<std::int64_t> versions() const;
  std::vector<ParameterView> parameters(std::int64_t version) const;  // see Policy::parameters

 private:
  struct Version {
    std::shared_ptr<const WeightSet> weights;
    at::Tensor adapter;  // flat, on the device; undefined without one
  };
  Version bind(const at::Tensor& flat) const;
  Version at(std::int64_t version) const;

  const ModelConfig config_;
  const LoraConfig lora_;
  const at::Device device_;
  const at::ScalarType matrix_type_;  // of published full sets; adapters stay float
  const ParameterLayout layout_;      // of what is published
  const WeightSet base_;              // empty when every version is a full set
  mutable std::mutex mutex_;
  std::map<std::int64_t, at::Tensor> shadows_;  // flat buffers
  std::map<std::int64_t, Version> published_;
};

}  // namespace clawrl
