#pragma once
// Samples -> right-padded micro-batches of about equal lengths.
//
//   samples of lengths 9 8 3 2, 16 tokens a micro-batch:   [9]   [8]   [3 2]     (longest first)
//
// The last trained token predicts nothing, and what follows it is not looked at: neither is computed.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/training_sample.hpp"
#include "model/model_config.hpp"
#include "trainer/torch/losses/loss.hpp"

namespace clawrl {

struct MicroBatchLimits {
  std::int64_t tokens = 2048;                   // padded; a longer sample goes alone
  std::int64_t logits = std::int64_t{1} << 27;  // trained tokens times vocabulary
};

/// Fewer tokens on a CPU, which gains nothing from wide matrices and computes the padding, too, and where they would
/// keep more than about a GiB of activations for the backward pass. A longer sample still goes alone, and takes what it
/// takes.
MicroBatchLimits micro_batch_limits(const ModelConfig& config, const at::Device& device);

/// What the pack needs to know of the whole batch.
struct PackContext {
  Aggregation aggregation = Aggregation::token_mean;
  std::int64_t active_tokens = 0, samples = 0;  // over all ranks
  std::int64_t version = 0;                     // that the trainer holds now
  bool uses_sampler = true;
  std::span<const TrainingSample> shard;  // whose samples are packed; with kinds
  std::span<const std::uint8_t> kinds;    // of the shard's samples; empty = not told apart
};

/// B = samples, L = padded length, N = trained tokens, K = widest top-k of the samples (0 = none).
struct MicroBatch {
  std::int64_t batch = 0, length = 0;
  at::Tensor ids, positions;         // [B*L] i64
  at::Tensor rows;                   // [N] i64 row of [B*L] whose hidden state predicts the token
  at::Tensor targets;                // [N,1+K] i64: the token, then its top-k candidates
  at::Tensor temperature;            // [N], undefined when 1 everywhere
  std::vector<const IdRuns*> masks;  // [N], nullptr = every id, or empty; they live in the samples
  at::Tensor fresh;                  // [N] 1 = sampled by the version that the trainer holds
  at::Tensor kinds;                  // [N] i64, undefined when they are not told apart
  LossInputs loss;                   // all but the log-probs on the current weights
  std::int64_t width() const { return targets.size(1) - 1; }
};

/// Groups of samples, longest first; ties keep the order of `samples`. Samples without trained tokens are left out.
std::vector<std::vector<const TrainingSample*>> plan_micro_batches(std::span<const TrainingSample> samples,
                                                                   std::int64_t vocabulary,
                                                                   const MicroBatchLimits& limits);

/// The samples must outlive the result when they carry masks.
MicroBatch pack(const std::vector<const TrainingSample*>& samples, const PackContext& context,
                const at::Device& device);

}  // namespace clawrl
