#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "metrics/jsonl_writer.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

std::vector<nlohmann::json> lines(const std::string& path) {
  std::vector<nlohmann::json> parsed;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) parsed.push_back(nlohmann::json::parse(line, nullptr, false));
  return parsed;
}

}  // namespace

TEST_CASE("one object per line, in order, appended") {
  const std::string path = "metrics_test.jsonl";
  std::remove(path.c_str());
  JsonlWriter(path).write("start", {{"ranks", std::int64_t{8}}, {"ok", true}, {"name", std::string("a\n\"b\"")}});
  StepMetrics metrics;
  metrics.step = 3;
  metrics.loss = -0.25;
  metrics.grad_norm = std::nan("");
  metrics.tokens = 100;
  metrics.seconds = 0.5;
  JsonlWriter(path).write("step", fields_of(metrics));
  const auto parsed = lines(path);
  REQUIRE(parsed.size() == 2);
  CHECK(parsed[0]["event"] == "start");
  CHECK(parsed[0]["name"] == "a\n\"b\"");
  CHECK(parsed[0]["time"] > 1e9);
  CHECK(parsed[1]["step"] == 3);
  CHECK(parsed[1]["loss"] == -0.25);
  CHECK(parsed[1]["grad_norm"].is_null());
  CHECK(parsed[1]["tokens_per_s"] == 200.0);
}

TEST_CASE("a line cut by a crash does not swallow the next one") {
  const std::string path = "metrics_cut.jsonl";
  std::ofstream(path) << "{\"event\": \"st";
  JsonlWriter(path).write("resumed", {});
  const auto parsed = lines(path);
  REQUIRE(parsed.size() == 2);
  CHECK(parsed[0].is_discarded());
  CHECK(parsed[1]["event"] == "resumed");
}

TEST_CASE("lists, maps and bad paths") {
  const std::map<std::string, std::int64_t> counts = {{"a", 1}};
  CHECK(to_json({{"curve", std::vector<double>{0.5, INFINITY}}, {"n", counts}}) ==
        R"({"curve":[0.5,null],"n":{"a":1}})");
  CHECK_THROWS_AS(JsonlWriter("no/such/folder/x.jsonl"), UserError);
}
