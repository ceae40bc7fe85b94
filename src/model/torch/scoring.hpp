#pragma once
// Log-probs of given sequences without a cache: what teachers, references and checks ask for.

#include <span>
#include <vector>

#include "model/policy.hpp"
#include "model/torch/transformer.hpp"

namespace clawrl {

/// Pads and batches the sequences; memory is bounded by token and logit budgets, not by the number of requests.
/// Results are in the order of the requests. Throws UserError on a malformed request.
std::vector<ScoreResult> score_sequences(Transformer& transformer, const WeightSet& weights,
                                         std::span<const ScoreRequest> requests);

}  // namespace clawrl
