#pragma once
// Supervised training of a model on documents: what the `sft` job runs on every trainer rank.

#include <cstdint>
#include <functional>
#include <string>

#include "core/training_sample.hpp"
#include "trainer/learner.hpp"

namespace clawrl {

struct SupervisedSettings {
  std::int64_t tokens = 12'000'000;  // stop after so many tokens, over all ranks
  std::int64_t batch_tokens = 2048;  // per optimiser step, over all ranks
  std::int64_t report_every = 100;   // steps
  std::int64_t save_every = 2000;    // steps; 0 = only at the end
};

/// Called with every `report_every`-th step's metrics and the tokens seen so far.
using SupervisedProgress = std::function<void(const StepMetrics&, std::int64_t tokens)>;

/// Collective over the learner's ranks. `next_sample` must give every rank the same documents in the same order (each
/// rank trains its share of them). `save` runs on rank 0. Returns the mean loss of the last report period.
double train_supervised(Learner& learner, int rank, int ranks, const SupervisedSettings& settings,
                        const std::function<TrainingSample()>& next_sample, const std::function<void()>& save,
                        const SupervisedProgress& progress);

}  // namespace clawrl
