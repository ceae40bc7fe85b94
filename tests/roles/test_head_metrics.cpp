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
