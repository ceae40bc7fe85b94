#pragma once
// What the ranks of a run must agree on about its adapter, and a run that goes on with the one before it.

#include <string>

#include "model/policy.hpp"

namespace clawrl {

/// Everything besides the base weights that decides what A and B compute: rank, alpha, targets and the hash of the
/// starting adapter. Empty = full weights. Reads the starting adapter's folder; throws UserError.
std::string adapter_id(const LoraConfig& asked);

/// Throws UserError when a run with adapter `recorded` by `where` (a journal, a checkpoint) would go on with `now`.
void require_same_adapter(const std::string& where, const std::string& recorded, const std::string& now);

}  // namespace clawrl
