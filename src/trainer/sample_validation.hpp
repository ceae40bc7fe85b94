#pragma once
// Checks at the trainer's door: what is missing or malformed is an error here, never a silent 0 in the loss.

#include <cstdint>

#include "core/training_sample.hpp"

namespace clawrl {

/// Throws UserError naming the sample and the field. `uses_sampler`: the loss reads sampler log-probs, advantages and
/// top-k candidates; `needs_reference`: every sample must carry reference log-probs.
void validate(const TrainingSample& sample, std::int64_t vocabulary, bool uses_sampler, bool needs_reference);

}  // namespace clawrl
