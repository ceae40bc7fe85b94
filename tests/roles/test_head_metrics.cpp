// The head's page of metrics.

#include "roles/head_metrics.hpp"

#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("the meter in Prometheus' format") {
  ServiceMeter meter;
  meter.served = 7;
  meter.first_token_histogram.add(0.02);
  meter.first_token_histogram.add(0.3);
  meter.first_token_histogram.add(500);
  HeadGauges gauges;
  gauges.version = 12;
  gauges.unrecorded = true;
  const std::string page = head_metrics(meter, gauges);
  const auto has = [&](const std::string& line) {
    INFO(line << "\n" << page);
    CHECK(page.find(line + "\n") != std::string::npos);
  };
  has("# TYPE clawrl_policy_version gauge");
  has("clawrl_policy_version 12");
  has("clawrl_unrecorded 1");
  has("# TYPE clawrl_request_ends_total counter");
  has("clawrl_request_ends_total{end=\"served\"} 7");
  has("clawrl_request_ends_total{end=\"cut\"} 0");
  has("# TYPE clawrl_first_token_seconds histogram");
  has("clawrl_first_token_seconds_bucket{le=\"0.025\"} 1");
  has("clawrl_first_token_seconds_bucket{le=\"0.5\"} 2");
  has("clawrl_first_token_seconds_bucket{le=\"+Inf\"} 3");
  has("clawrl_first_token_seconds_count 3");
  const std::string name = "# TYPE clawrl_request_ends_total";
  CHECK(page.find(name) == page.rfind(name));  // one family, not one per label
}

TEST_CASE("learning per policy line and request type, and the last step") {
  LearningMonitor monitor({.window = 4});
  JudgedFacts facts;
  facts.score = -1;
  facts.agreement = 0.75;
  facts.hinted = true;
  facts.advantage = -0.5;
  facts.tokens = 24;
  facts.entropy = 1.25;
  for (int i = 0; i < 4; ++i) monitor.add("main", "math+tools", facts);
  monitor.add_step("main", "math+tools", 0.5, 0.125);
  monitor.add_step("main", "math+tools", 0.25, {});  // of older versions only: no gap
  ServiceMeter meter;
  StepMetrics step;
  step.loss = 0.5;
  step.reference_kl = 0.125;
  meter.add_step(step);
  const std::string page = head_metrics(meter, {}, monitor.views());
  const std::string labels = "{line=\"main\",type=\"math+tools\"";
  for (const std::string& line :
       {"clawrl_learning_turns_total" + labels + "} 4", "clawrl_learning_reward" + labels + "} -1",
        "clawrl_learning_vote_agreement" + labels + "} 0.75", "clawrl_learning_hint_rate" + labels + "} 1",
        "clawrl_learning_advantage" + labels + "} -0.5", "clawrl_learning_reply_tokens" + labels + "} 24",
        "clawrl_learning_entropy_nats" + labels + "} 1.25", "clawrl_learning_approx_kl" + labels + "} 0.25",
        "clawrl_learning_gap" + labels + "} 0.125", "clawrl_learning_alarm" + labels + ",alarm=\"vote_collapse\"} 1",
        "clawrl_learning_alarm" + labels + ",alarm=\"length_doubling\"} 0",
        std::string("clawrl_step_loss{line=\"main\"} 0.5"),
        std::string("clawrl_step_reference_kl{line=\"main\"} 0.125")}) {
    INFO(line << "\n" << page);
    CHECK(page.find(line + "\n") != std::string::npos);
  }
  CHECK(head_metrics({}, {}).find("clawrl_step_loss") == std::string::npos);  // no step yet
}

TEST_CASE("what the evaluator, the teacher and the trainer could not use is counted by name") {
  ServiceMeter meter;
  Verdict verdict;
  verdict.votes = {std::nullopt, std::int8_t{-1}, std::nullopt};
  verdict.score = -1;
  verdict.chosen_hint = 0;
  verdict.hints_too_long = 2;
  meter.add_verdict(verdict);
  verdict.votes = {std::nullopt, std::nullopt, std::nullopt};
  verdict.score = 0;
  meter.add_verdict(verdict);
  meter.add_verdict(verdict);
  verdict.origin = "user";  // a user's word is no answer of the judge
  meter.add_verdict(verdict);
  verdict.origin = "prm";
  verdict.votes = {std::int8_t{0}};
  meter.add_verdict(verdict);
  ++meter.excluded["not_finite"];
  ++meter.excluded["zero_advantage"];
  meter.steps_refused = 3;
  const std::string page = head_metrics(meter, {});
  for (const char* line : {"clawrl_votes_total 10", "clawrl_votes_invalid_total 8", "clawrl_hints_too_long_total 10",
                           "clawrl_turns_excluded_total{reason=\"not_finite\"} 1",
                           "clawrl_turns_excluded_total{reason=\"zero_advantage\"} 1", "clawrl_steps_refused_total 3",
                           "clawrl_verdicts_total{score=\"bad\"} 1"}) {
    INFO(line << "\n" << page);
    CHECK(page.find(std::string(line) + "\n") != std::string::npos);
  }
}

TEST_CASE("audits: the newest scores, and whether serving is held") {
  AuditView audit;
  CHECK(head_metrics({}, {}).find("clawrl_audit_score") == std::string::npos);
  audit.sets = {{0, "language", 9, 9, 0, 0, 2.5, "reference", "online_rl"}};
  audit.version = 0;
  CHECK(head_metrics({}, {}, {}, audit).find("clawrl_audit_loss_nats{set=\"language\"} 2.5\n") != std::string::npos);
  CHECK(to_json(fields_of(audit)).find("\"held_version\":-1") != std::string::npos);
  audit.version = 8;
  audit.sets = {{8, "accuracy", 50, 20, 28, 1, 0, "failed", "online_rl"},
                {8, "hints", 40, 40, 0, 0, 0, "passed", "online_rl"}};
  audit.passed = 3;
  audit.failed = audit.rollbacks = audit.trainer_rollbacks = 1;
  audit.held_version = 6;
  audit.held_reason = "version 8 failed its audit";
  const std::string page = head_metrics({}, {}, {}, audit);
  for (const char* line :
       {"clawrl_audits_total{result=\"passed\"} 3", "clawrl_audits_total{result=\"failed\"} 1",
        "clawrl_rollbacks_total 1", "clawrl_trainer_rollbacks_total 1", "clawrl_serving_held 1",
        "clawrl_audit_version 8", "clawrl_audit_score{set=\"accuracy\"} 0.4", "clawrl_audit_score{set=\"hints\"} 1"}) {
    INFO(line << "\n" << page);
    CHECK(page.find(std::string(line) + "\n") != std::string::npos);
  }
  const std::string status = to_json(fields_of(audit));
  for (const char* part : {"\"audit_version\":8", "\"audit_cases\":{\"accuracy\":50,\"hints\":40}",
                           "\"audit_passed\":{\"accuracy\":20,\"hints\":40}", "\"audits_failed\":1",
                           "\"held_version\":6", "\"held_reason\":\"version 8 failed its audit\""}) {
    INFO(part << "\n" << status);
    CHECK(status.find(part) != std::string::npos);
  }
}
