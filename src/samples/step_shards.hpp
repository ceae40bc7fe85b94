#pragma once
// Which trainer rank computes which sample of a step.

#include <cstdint>
#include <vector>

#include "core/training_sample.hpp"

namespace clawrl {

/// [ranks] indices into `samples`, ascending; each index once; a shard may be empty. Balanced by tokens: the longest
/// sample first, always to the rank with the fewest tokens so far (ties: lower index, lower rank).
std::vector<std::vector<std::int32_t>> step_shards(const std::vector<TrainingSample>& samples, int ranks);

/// Tokens with a loss over all samples: what StepBatch::global_active_tokens wants.
std::int64_t active_tokens(const std::vector<TrainingSample>& samples);

}  // namespace clawrl
