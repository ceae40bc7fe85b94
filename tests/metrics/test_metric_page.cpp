// Families, labels and histograms on the page of GET /metrics.

#include "metrics/metric_page.hpp"

#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("a value on a bound belongs to the bucket below it") {
  Histogram histogram({1, 2});
  for (const double value : {0.5, 1.0, 1.5, 2.0, 3.0}) histogram.add(value);
  CHECK(histogram.counts() == std::vector<std::uint64_t>{2, 2, 1});
  CHECK(histogram.sum() == 8);
}

TEST_CASE("metrics of one name are one family; labels are escaped") {
  MetricPage page;
  page.counter("clawrl_a_total", "How many", 1, {{"route", "x"}});
  page.counter("clawrl_a_total", "How many", 2, {{"route", "say \"hi\"\n"}});
  page.gauge("clawrl_b", "How much", 0.5);
  const std::string text = page.text();
  CHECK(text.find("# HELP clawrl_a_total How many\n# TYPE clawrl_a_total counter\n") != std::string::npos);
  CHECK(text.find("clawrl_a_total{route=\"x\"} 1\n") != std::string::npos);
  CHECK(text.find("clawrl_a_total{route=\"say \\\"hi\\\"\\n\"} 2\n") != std::string::npos);
  CHECK(text.find("clawrl_b 0.5\n") != std::string::npos);
  CHECK(text.find("# TYPE clawrl_a_total") == text.rfind("# TYPE clawrl_a_total"));
  CHECK_THROWS_AS(page.counter("clawrl_b", "How much", 1), InternalError);
}
