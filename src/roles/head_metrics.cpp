#include "roles/head_metrics.hpp"

#include "metrics/metric_page.hpp"

namespace clawrl {

std::string head_metrics(const ServiceMeter& meter, const HeadGauges& gauges) {
  MetricPage page;
  const auto gauge = [&](const char* name, const char* help, std::int64_t value) {
    page.gauge(name, help, static_cast<double>(value));
  };
  const auto counter = [&](const char* name, const char* help, std::int64_t value,
                           const MetricPage::Labels& labels = {}) {
    page.counter(name, help, static_cast<double>(value), labels);
  };
  gauge("clawrl_policy_version", "Newest announced policy version", gauges.version);
  gauge("clawrl_optimizer_step", "Optimiser steps done", gauges.step);
  gauge("clawrl_replies_active", "Replies under way or waiting", gauges.active);
  gauge("clawrl_sessions", "Sessions alive", gauges.sessions);
  gauge("clawrl_turns_judging", "Turns without a verdict yet", gauges.judging);
  gauge("clawrl_samples_waiting", "Samples without a step yet", gauges.samples_waiting);
  gauge("clawrl_unrecorded", "1 = the journal has failed and turns are not recorded", gauges.unrecorded);
  counter("clawrl_requests_total", "Requests accepted for generation", meter.requests);
  const char* const ends = "Requests by their end";
  counter("clawrl_request_ends_total", ends, meter.served, {{"end", "served"}});
  counter("clawrl_request_ends_total", ends, meter.refused, {{"end", "refused"}});
  counter("clawrl_request_ends_total", ends, meter.invalid, {{"end", "invalid"}});
  counter("clawrl_request_ends_total", ends, meter.cut, {{"end", "cut"}});
  counter("clawrl_request_ends_total", ends, meter.hung_up, {{"end", "hung_up"}});
  counter("clawrl_sampled_tokens_total", "Tokens sampled for clients", meter.rollout_tokens);
  counter("clawrl_prompt_tokens_total", "Tokens of prompts", meter.prompt_tokens);
  counter("clawrl_cached_tokens_total", "Tokens of prompts that the prefix cache served", meter.cached_tokens);
  const char* const scores = "Verdicts by score";
  counter("clawrl_verdicts_total", scores, meter.verdicts_good, {{"score", "good"}});
  counter("clawrl_verdicts_total", scores, meter.verdicts_neutral, {{"score", "neutral"}});
  counter("clawrl_verdicts_total", scores, meter.verdicts_bad, {{"score", "bad"}});
  counter("clawrl_verdicts_total", scores, meter.verdicts_failed, {{"score", "failed"}});
  counter("clawrl_hints_total", "Turns with a chosen hint", meter.hints);
  counter("clawrl_versions_published_total", "Policy versions announced", meter.versions_published);
  counter("clawrl_trained_tokens_total", "Tokens of the optimiser steps", meter.train_tokens);
  page.histogram("clawrl_first_token_seconds", "From the request to its first token", meter.first_token_histogram);
  page.histogram("clawrl_token_gap_seconds", "Between two tokens of one reply", meter.token_gap_histogram);
  return page.text();
}

}  // namespace clawrl
