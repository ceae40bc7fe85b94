#include "metrics/percentiles.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("percentiles are exact by nearest rank") {
  Percentiles values;
  CHECK(values.percentile(0.5) == 0);
  for (int i = 100; i >= 1; --i) values.add(i);
  CHECK(values.percentile(0.50) == 50);
  CHECK(values.percentile(0.99) == 99);
  CHECK(values.percentile(1.0) == 100);
  CHECK(values.percentile(0.0) == 1);
  const auto summary = values.summary();
  CHECK(summary.count == 100);
  CHECK(summary.mean == Approx(50.5));
  CHECK(summary.p90 == 90);
  CHECK(summary.max == 100);
}

TEST_CASE("only the newest values are kept, count and maximum are of all") {
  Percentiles values(4);
  values.add(1000);
  for (int i = 1; i <= 8; ++i) values.add(i);
  CHECK(values.percentile(0.0) == 5);
  CHECK(values.percentile(1.0) == 8);
  CHECK(values.summary().count == 9);
  CHECK(values.summary().max == 1000);
}
