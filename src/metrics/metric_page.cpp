#include "metrics/metric_page.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

#include "core/error.hpp"

namespace clawrl {

struct MetricPage::Families {
  std::vector<prometheus::MetricFamily> all;

  prometheus::ClientMetric& add(const std::string& name, const std::string& help, prometheus::MetricType type,
                                const Labels& labels) {
    if (all.empty() || all.back().name != name) all.push_back({name, help, type, {}});
    expect(all.back().type == type, "metric " + name + " is of two types");
    prometheus::ClientMetric& metric = all.back().metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    return metric;
  }
};

MetricPage::MetricPage() : families_(std::make_unique<Families>()) {}
MetricPage::~MetricPage() = default;

void MetricPage::counter(const std::string& name, const std::string& help, double value, const Labels& labels) {
  families_->add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void MetricPage::gauge(const std::string& name, const std::string& help, double value, const Labels& labels) {
  families_->add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void MetricPage::histogram(const std::string& name, const std::string& help, const Histogram& histogram) {
  auto& shown = families_->add(name, help, prometheus::MetricType::Histogram, {}).histogram;
  shown.sample_sum = histogram.sum();
  for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
    shown.sample_count += histogram.counts()[i];
    const bool last = i == histogram.bounds().size();
    shown.bucket.push_back(
        {shown.sample_count, last ? std::numeric_limits<double>::infinity() : histogram.bounds()[i]});
  }
}

std::string MetricPage::text() const {
  return prometheus::TextSerializer().Serialize(families_->all);
}

}  // namespace clawrl
