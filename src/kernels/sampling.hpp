#pragma once
// Drawing the next token of every sequence of a step in one call.

#include <cstdint>
#include <span>
#include <vector>

#include "core/generation.hpp"
#include "core/ids.hpp"
#include "kernels/penalties.hpp"
#include "kernels/tensor_ref.hpp"

namespace clawrl::kernels {

/// How one row is sampled. The draw depends on (parameters.seed, position) and the row alone.
struct SamplingRow {
  SamplingParameters parameters;
  std::uint64_t position = 0;               // index of the token in its response
  std::int32_t record_top_k = 0;            // 0 <= K <= min(max_top_k, V)
  std::span<const TokenId> allowed = {};    // IdRuns; empty = every id. Else the row is as if it held these ids only
  std::span<const TokenCount> counts = {};  // what the penalties of `parameters` go by
  bool record_at_t1 = false;                // topk_logprobs at temperature 1
};

/// Natural logs.
struct SampledToken {
  TokenId id = 0;
  float logprob = 0;              // of the distribution sampled from, after temperature and truncation; 0 when greedy
  float logprob_t1 = 0;           // at temperature 1, nothing cut
  std::vector<TokenId> topk_ids;  // [K] of softmax(logits / temperature), nothing cut (temperature 1 when greedy or
                                  // record_at_t1).
                                  // Fewer than K allowed: the first one again in the places left over
  std::vector<float> topk_logprobs;  // [K]
};

/// logits [N,V]; rows and out [N]. Temperature first, then top-k, then top-p of what top-k left: the smallest set of
/// most likely ids whose mass reaches top_p. Equal logits rank by lower id. Temperature 0 takes the best id. Penalties
/// and bias change the logits first, then what is not allowed is left out: all recorded log-probs are of what remains.
/// Throws NonFiniteLogits after all finite rows of `out` are valid; InternalError on parameters out of range.
void sample(TensorRef<const float> logits, std::span<const SamplingRow> rows, std::span<SampledToken> out);

}  // namespace clawrl::kernels
