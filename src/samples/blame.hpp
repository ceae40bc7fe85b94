#pragma once
// How much and where the binary term punishes: the evaluator's grade of the error and the place where it began.

#include <span>

#include "config/run_config.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl {

/// Factor of the binary advantage of a verdict with score -1: grade 1, 2, 3 -> low, sqrt(low high), high, with low and
/// high = samples.severity_low and severity_high, which bound it. 1 with samples.severity off, without a grade, and for
/// any other score.
double severity_weight(const Verdict& verdict, const SamplesConfig& settings);

/// samples.localise_errors: tokens before verdict.fault_begin are not punished, their negative advantages become 0.
/// Positive ones, and everything from there on, stay. Nothing changes without a located fault, or when the score is not
/// -1. advantages: [R] of the binary term.
void spare_before_fault(const Verdict& verdict, const SamplesConfig& settings, std::span<float> advantages);

/// samples.spare_end: of a reply that ended by itself with score -1 the end token's negative advantage becomes 0. To
/// punish it says "go on", whatever was wrong, and replies grow. advantages: [R] of the binary term.
void spare_end(const Turn& turn, const Verdict& verdict, const SamplesConfig& settings, std::span<float> advantages);

}  // namespace clawrl
