#pragma once
// One JSON object per line: a record of steps and events that any tool can follow.

#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/step_metrics.hpp"

namespace clawrl {

using MetricValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<double>, std::map<std::string, std::int64_t>>;
using MetricFields = std::vector<std::pair<std::string, MetricValue>>;  // written in this order

/// Appends; every line reaches the system before write() returns. A line cut off by an earlier crash is ended first.
/// Thread-safe. Throws UserError naming the file when it cannot be written.
class JsonlWriter {
 public:
  explicit JsonlWriter(std::string path);
  ~JsonlWriter();
  JsonlWriter(const JsonlWriter&) = delete;
  JsonlWriter& operator=(const JsonlWriter&) = delete;

  /// {"event": event, "time": Unix seconds, fields...}; numbers that are not finite become null.
  void write(const std::string& event, const MetricFields& fields);

 private:
  std::mutex mutex_;
  std::string path_;
  std::FILE* file_ = nullptr;
};

/// All fields of a step under their own names.
MetricFields fields_of(const StepMetrics& metrics);

/// The same object on one line without a newline, for reports.
std::string to_json(const MetricFields& fields);

}  // namespace clawrl
