#pragma once
// What a Judge runs on: an engine of the judge model and a scorer of the policy model, as functions, so that tests and
// other engines can stand in.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/generation.hpp"
#include "model/policy.hpp"

namespace clawrl {

class Engine;

/// The judge model's sampler. All four are called by the Judge's thread.
struct JudgeSampler {
  std::function<void(GenerateRequest)> submit;
  std::function<void(RequestId)> cancel;
  std::function<bool()> step;  // false = nothing was to be done
  std::function<std::vector<CompletionDelta>()> take_deltas;
};

/// The policy model as teacher and reference. Version 0 is the base.
struct TeacherScorer {
  std::function<std::vector<std::int64_t>()> versions;  // that can score, ascending
  std::function<std::vector<ScoreResult>(std::int64_t version, std::span<const ScoreRequest>)> score;
  std::int64_t max_positions = 0;  // longest sequence
};

/// Neither engine nor policy is owned. The engine must be the Judge's alone: it takes all deltas.
JudgeSampler sampler_of(Engine& engine);
TeacherScorer scorer_of(Policy& policy);

}  // namespace clawrl
