#pragma once
// A page of metrics in Prometheus' text format, as GET /metrics answers.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metrics/histogram.hpp"

namespace clawrl {

/// Metrics of one name that differ in their labels are added one after the other. Names begin with "clawrl_"; counters
/// end with "_total".
class MetricPage {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  MetricPage();
  ~MetricPage();
  MetricPage(const MetricPage&) = delete;
  MetricPage& operator=(const MetricPage&) = delete;

  void counter(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  void gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  void histogram(const std::string& name, const std::string& help, const Histogram& histogram);
  std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace clawrl
