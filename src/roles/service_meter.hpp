#pragma once
// What the head measures of the service and of learning, for GET /status and the report.

#include <cstdint>
#include <map>
#include <string>

#include "core/step_metrics.hpp"
#include "core/verdict.hpp"
#include "metrics/histogram.hpp"
#include "metrics/jsonl_writer.hpp"
#include "metrics/percentiles.hpp"

namespace clawrl {

/// Head thread only. Times in seconds.
struct ServiceMeter {
  std::int64_t requests = 0;  // accepted for generation
  std::int64_t served = 0;    // finished with stop or length
  std::int64_t refused = 0;   // turned away by us although well-formed (overload, failure before the first token)
  std::int64_t invalid = 0;   // the client's mistake
  std::int64_t cut = 0;       // failed after the first token
  std::int64_t hung_up = 0;   // the client went away
  std::int64_t rollout_tokens = 0;
  std::int64_t cached_tokens = 0, prompt_tokens = 0;
  double generating_s = 0;  // time with at least one request in generation

  static constexpr std::size_t kept = 1 << 14;  // newest values that percentiles are taken of, twice a second
  Percentiles first_token_s{kept};
  Histogram first_token_histogram{latency_bounds_s()}, token_gap_histogram{latency_bounds_s()};
  Percentiles token_gap_s{kept};         // between two tokens of one reply
  Percentiles token_gap_commit_s{kept};  // the same while a weight commit was under way

  std::int64_t versions_published = 0;
  std::int64_t published_bytes = 0;           // of the last commit, all receivers
  Percentiles commit_to_first_token_s{kept};  // step end -> first token computed by the new version
  Percentiles feedback_to_behaviour_s{kept};  // feedback received -> first token of a version trained on it
  std::int64_t verdicts_good = 0, verdicts_neutral = 0, verdicts_bad = 0, verdicts_failed = 0, hints = 0;
  std::int64_t votes = 0, votes_invalid = 0;     // answers of the judge; without a box that is a vote
  std::int64_t hints_too_long = 0;               // beyond the teacher's context
  std::map<std::string, std::int64_t> excluded;  // turns that made no sample to train on, by reason

  std::int64_t steps_refused = 0;  // a sample, loss or gradient that is not finite: the weights stayed as they were

  StepMetrics last_step;
  std::int64_t steps = 0, train_tokens = 0;
  double train_seconds = 0;
  double gap_sum = 0, gap_max = 0;  // |trainer - sampler| log-prob on tokens of equal version
  std::int64_t gap_tokens = 0;
  double staleness_max = 0;

  void add_step(const StepMetrics& metrics);
  void add_verdict(const Verdict& verdict);
  MetricFields fields() const;
};

}  // namespace clawrl
