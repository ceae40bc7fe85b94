#pragma once
// Held-out scores of a model folder or of a run's checkpoint, in this process.

#include <cstdint>
#include <iosfwd>
#include <string>

#include "audit/comparison.hpp"
#include "config/run_config.hpp"

namespace clawrl {

struct HeldOutEvaluation {
  std::string held_out;     // file of cases
  std::int64_t cases = 50;  // of each set
  std::uint64_t seed = 1;   // with the run's seed and number of cases the same cases are drawn and asked alike
  double margin = 0.1;
  std::string checkpoint;  // step_* folder; empty = the model folder alone
  std::string run;         // folder of the run whose journal keeps the result; empty = nowhere
};

/// Scores model.policy, and the checkpoint against it, and prints both to `out`. Judged turns are asked of the
/// evaluator: of model.prm, or with prm.evaluator = self of the model that is scored. False when the checkpoint has
/// failed. A KernelRuntime must live. UserError: files, a journal that is in use, a checkpoint or journal of other
/// weights.
bool evaluate_held_out(const RunConfig& config, const HeldOutEvaluation& wanted, std::ostream& out);

}  // namespace clawrl
