#include "roles/head_metrics.hpp"

#include "metrics/metric_page.hpp"

namespace clawrl {

namespace {

/// Means over the newest judged turns.
void add_learning(MetricPage& page, const std::vector<LearningMonitor::View>& views) {
  for (const LearningMonitor::View& view : views) {
    const MetricPage::Labels labels{{"line", view.line}, {"type", view.type}};
    const LearningMeans& means = view.means;
    page.counter("clawrl_learning_turns_total", "Turns judged", static_cast<double>(means.turns), labels);
    page.gauge("clawrl_learning_reward", "Mean score of the newest turns with a valid vote", means.reward, labels);
    page.gauge("clawrl_learning_vote_agreement", "Share of the votes that said the score", means.agreement, labels);
    page.gauge("clawrl_learning_invalid_share", "Share of turns without a valid vote", means.invalid, labels);
    page.gauge("clawrl_learning_hint_rate", "Share of turns with a chosen hint", means.hinted, labels);
    page.gauge("clawrl_learning_hint_copies", "Share of replies that repeat an earlier hint", means.copies, labels);
    page.gauge("clawrl_learning_advantage", "Mean advantage per token", means.advantage, labels);
    page.gauge("clawrl_learning_reply_tokens", "Mean length of replies", means.tokens, labels);
    page.gauge("clawrl_learning_entropy_nats", "Mean -log p of the sampled tokens at temperature 1", means.entropy,
               labels);
    page.gauge("clawrl_learning_approx_kl", "Mean log-prob of the sampler minus the trainer's in the newest such step",
               means.approx_kl, labels);
    page.gauge("clawrl_learning_gap", "Its mean |trainer - sampler| log-prob at equal versions", means.gap, labels);
    for (const auto& [alarm, on] : view.alarms)
      page.gauge("clawrl_learning_alarm", "1 = a known way in which learning fails is seen", on ? 1 : 0,
                 {{"line", view.line}, {"type", view.type}, {"alarm", alarm}});
  }
}

void add_audit(MetricPage& page, const AuditView& audit) {
  const auto counter = [&](const char* result, std::int64_t value) {
    page.counter("clawrl_audits_total", "Versions audited on held-out cases", static_cast<double>(value),
                 {{"result", result}});
  };
  counter("passed", audit.passed);
  counter("failed", audit.failed);
  page.counter("clawrl_rollbacks_total", "Audits that made serving go back to an earlier version",
               static_cast<double>(audit.rollbacks));
  page.counter("clawrl_trainer_rollbacks_total", "How often the trainers went back to an earlier checkpoint",
               static_cast<double>(audit.trainer_rollbacks));
  page.gauge("clawrl_serving_held", "1 = serving is held at a version that passed its audit",
             audit.held_version >= 0 ? 1 : 0);
  if (audit.version < 0) return;
  page.gauge("clawrl_audit_version", "Version that was audited last", static_cast<double>(audit.version));
  for (const AuditRecord& one : audit.sets)
    if (one.loss != 0)
      page.gauge("clawrl_audit_loss_nats", "Its mean loss per token of held-out texts", one.loss, {{"set", one.set}});
  for (const AuditRecord& one : audit.sets)
    page.gauge("clawrl_audit_score", "Its share of held-out cases passed", one.score(), {{"set", one.set}});
}

void add_step(MetricPage& page, const StepMetrics& step, const std::string& name) {
  const MetricPage::Labels line{{"line", name}};
  page.gauge("clawrl_step_loss", "Loss of the last optimiser step", step.loss, line);
  page.gauge("clawrl_step_advantage_abs", "Its mean absolute advantage", step.advantage_abs_mean, line);
  page.gauge("clawrl_step_approx_kl", "Its mean log-prob of the sampler minus the trainer's", step.approx_kl, line);
  page.gauge("clawrl_step_reference_kl", "Its KL to the reference, 0 without one", step.reference_kl, line);
  page.gauge("clawrl_step_gap", "Its mean |trainer - sampler| log-prob at equal versions", step.gap_mean, line);
  page.gauge("clawrl_step_clip_fraction", "Its share of clipped tokens", step.clip_fraction, line);
  page.gauge("clawrl_step_gradient_norm", "Its gradient norm before clipping", step.grad_norm, line);
}

}  // namespace

std::string head_metrics(const ServiceMeter& meter, const HeadGauges& gauges,
                         const std::vector<LearningMonitor::View>& learning, const AuditView& audit) {
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
  counter("clawrl_votes_total", "Answers of the judge to the question for a vote", meter.votes);
  counter("clawrl_votes_invalid_total", "Of them, without a box that is a vote", meter.votes_invalid);
  counter("clawrl_hints_too_long_total", "Hints that did not fit into the teacher's context", meter.hints_too_long);
  for (const auto& [reason, turns] : meter.excluded)
    counter("clawrl_turns_excluded_total", "Judged turns that are not trained on", turns, {{"reason", reason}});
  counter("clawrl_steps_refused_total", "Optimiser steps refused because something was not finite or malformed",
          meter.steps_refused);
  counter("clawrl_versions_published_total", "Policy versions announced", meter.versions_published);
  counter("clawrl_trained_tokens_total", "Tokens of the optimiser steps", meter.train_tokens);
  add_learning(page, learning);
  add_audit(page, audit);
  if (meter.steps > 0) add_step(page, meter.last_step, gauges.line);
  page.histogram("clawrl_first_token_seconds", "From the request to its first token", meter.first_token_histogram);
  page.histogram("clawrl_token_gap_seconds", "Between two tokens of one reply", meter.token_gap_histogram);
  return page.text();
}

MetricFields fields_of(const AuditView& audit) {
  std::map<std::string, std::int64_t> cases, passed;
  for (const AuditRecord& one : audit.sets) {
    cases[one.set] = one.cases;
    passed[one.set] = one.passed;
  }
  return {{"audit_version", audit.version},
          {"audit_cases", cases},
          {"audit_passed", passed},
          {"audits_failed", audit.failed},
          {"rollbacks", audit.rollbacks},
          {"trainer_rollbacks", audit.trainer_rollbacks},
          {"held_version", audit.held_version},
          {"held_reason", audit.held_reason}};
}

}  // namespace clawrl
