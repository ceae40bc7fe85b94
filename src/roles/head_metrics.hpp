#pragma once
// The head's part of GET /metrics.

#include <string>
#include <vector>

#include "metrics/learning_monitor.hpp"
#include "roles/audit_view.hpp"
#include "roles/service_meter.hpp"

namespace clawrl {

/// What stands at one moment; ServiceMeter has what adds up.
struct HeadGauges {
  std::int64_t version = 0, step = 0;
  std::int64_t active = 0, judging = 0, samples_waiting = 0, sessions = 0;
  bool unrecorded = false;
  std::string line = "main";  // policy line of the last step
};

std::string head_metrics(const ServiceMeter& meter, const HeadGauges& gauges,
                         const std::vector<LearningMonitor::View>& learning = {}, const AuditView& audit = {});
/// The audits' part of GET /status.
MetricFields fields_of(const AuditView& audit);

}  // namespace clawrl
