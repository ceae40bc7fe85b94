#pragma once
// The most likely ids of every row and their log-probabilities.

#include <cstdint>
#include <span>

#include "core/ids.hpp"
#include "kernels/tensor_ref.hpp"

namespace clawrl::kernels {

constexpr std::int32_t max_top_k = 64;

/// ids and logprobs [N,K], most likely first, equal ones by lower id; natural log of softmax(logits / temperature).
/// 1 <= k <= min(max_top_k, V). Throws InternalError on other k and on sizes that do not fit, NonFiniteLogits.
void top_k_logprobs(TensorRef<const float> logits, float temperature, std::int32_t k, std::span<TokenId> ids,
                    std::span<float> logprobs);

}  // namespace clawrl::kernels
