#include "roles/service_meter.hpp"

#include <algorithm>
#include <limits>

namespace clawrl {
namespace {

constexpr double milli = 1000;

/// No data is no number: null in JSON.
double or_none(bool any, double value) {
  return any ? value : std::numeric_limits<double>::quiet_NaN();
}

double per_second(std::int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

void ServiceMeter::add_step(const StepMetrics& m) {
  last_step = m;
  ++steps;
  train_tokens += m.tokens;
  train_seconds += m.seconds;
  gap_sum += m.gap_mean * static_cast<double>(m.gap_tokens);
  gap_tokens += m.gap_tokens;
  gap_max = std::max(gap_max, m.gap_max);
  staleness_max = std::max(staleness_max, m.staleness_max);
}

void ServiceMeter::add_verdict(const Verdict& verdict) {
  if (!verdict.error.empty())
    ++verdicts_failed;
  else
    ++(verdict.score > 0 ? verdicts_good : verdict.score < 0 ? verdicts_bad : verdicts_neutral);
  hints += verdict.chosen_hint >= 0;
  hints_too_long += verdict.hints_too_long;
  if (verdict.origin != "prm" || !verdict.error.empty()) return;
  const auto useless = std::count(verdict.votes.begin(), verdict.votes.end(), std::nullopt);
  votes += static_cast<std::int64_t>(verdict.votes.size());
  votes_invalid += useless;
}

MetricFields ServiceMeter::fields() const {
  std::int64_t excluded_turns = 0;
  for (const auto& [reason, turns] : excluded) excluded_turns += turns;
  const auto first = first_token_s.summary(), gap = token_gap_s.summary(), commit = token_gap_commit_s.summary();
  return {{"requests", requests},
          {"served", served},
          {"refused", refused},
          {"invalid", invalid},
          {"cut", cut},
          {"hung_up", hung_up},
          {"ttft_ms_p50", first.p50 * milli},
          {"ttft_ms_p99", first.p99 * milli},
          {"inter_token_ms_p50", gap.p50 * milli},
          {"inter_token_ms_p99", gap.p99 * milli},
          {"inter_token_ms_p99_during_commit", or_none(commit.count > 0, commit.p99 * milli)},
          {"gaps_during_commit", static_cast<std::int64_t>(commit.count)},
          {"versions_published", versions_published},
          {"published_bytes", published_bytes},
          {"commit_to_first_token_s", or_none(versions_published > 0, commit_to_first_token_s.summary().p50)},
          {"feedback_to_behaviour_s", feedback_to_behaviour_s.summary().p50},
          {"verdicts_good", verdicts_good},
          {"verdicts_neutral", verdicts_neutral},
          {"verdicts_bad", verdicts_bad},
          {"verdicts_failed", verdicts_failed},
          {"hints", hints},
          {"votes", votes},
          {"votes_invalid", votes_invalid},
          {"hints_too_long", hints_too_long},
          {"turns_excluded", excluded_turns},
          {"steps_refused", steps_refused},
          {"steps", steps},
          {"train_tokens_per_s", per_second(train_tokens, train_seconds)},
          {"rollout_tokens", rollout_tokens},
          {"rollout_tokens_per_s", per_second(rollout_tokens, generating_s)},
          {"prompt_tokens", prompt_tokens},
          {"cached_tokens", cached_tokens},
          {"logprob_gap_mean", gap_tokens > 0 ? gap_sum / static_cast<double>(gap_tokens) : 0.0},
          {"logprob_gap_max", gap_max},
          {"logprob_gap_tokens", gap_tokens},
          {"staleness_max", staleness_max}};
}

}  // namespace clawrl
