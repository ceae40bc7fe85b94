#pragma once
// Log-probabilities of given ids, without writing the [N,V] log-softmax.

#include <cstdint>
#include <span>
#include <vector>

#include "core/error.hpp"
#include "core/ids.hpp"
#include "kernels/tensor_ref.hpp"

namespace clawrl {

/// Logits with NaN or infinity. Results of all other rows are valid when it is thrown.
struct NonFiniteLogits : InternalError {
  NonFiniteLogits(const char* kernel, std::vector<std::int64_t> bad_rows);
  std::vector<std::int64_t> rows;  // ascending
};

namespace kernels {

/// out[n,k] = log_softmax(logits[n] / temperature)[ids[n,k]], natural log. logits [N,V]; ids and out [N,K] with
/// K = ids.size() / N. Throws InternalError on sizes that do not fit, on ids outside [0,V), NonFiniteLogits.
void gather_logprobs(TensorRef<const float> logits, float temperature, std::span<const TokenId> ids,
                     std::span<float> out);

/// Throws InternalError unless 0 < temperature and its inverse is finite.
float inverse_temperature(float temperature, const char* kernel);

/// Throws NonFiniteLogits when any flag of bad [N] is set.
void throw_if_bad(const char* kernel, std::span<const std::uint8_t> bad);

}  // namespace kernels

}  // namespace clawrl
