#pragma once
// The loop that each role of a rank runs on a compute thread of its own, until it reads Stop. An exception that leaves
// a loop ends the job (the caller names rank and role).

#include "roles/rank_context.hpp"

namespace clawrl {

class Policy;
class Collectives;

/// Samples for the head. `policy`: this rank's copy of the policy model, followed by a WeightReceiver.
void run_rollout(const RankContext& context, Policy& policy);

/// Judges turns. `policy`: this rank's copy of the policy model: teacher, reference and, in self-analysis, evaluator.
void run_prm(const RankContext& context, Policy& policy);

/// Takes optimiser steps, publishes, writes checkpoints. Collective over the trainer ranks.
void run_trainer(const RankContext& context, Collectives& collectives);

}  // namespace clawrl
