#include "metrics/jsonl_writer.hpp"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json to_value(const MetricValue& value) {
  if (const auto* real = std::get_if<double>(&value)) return number(*real);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) {
    Json array = Json::array();
    for (double item : *list) array.push_back(number(item));
    return array;
  }
  return std::visit([](const auto& held) { return Json(held); }, value);
}

std::string dump(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool ends_inside_a_line(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return false;
  const bool cut = std::fseek(file, -1, SEEK_END) == 0 && std::fgetc(file) != '\n';
  std::fclose(file);
  return cut;
}

}  // namespace

JsonlWriter::JsonlWriter(std::string path) : path_(std::move(path)) {
  const bool cut = ends_inside_a_line(path_);
  file_ = std::fopen(path_.c_str(), "ab");
  require(file_ != nullptr, "cannot write " + path_ + ": " + std::strerror(errno));
  if (cut) std::fputc('\n', file_);
}

JsonlWriter::~JsonlWriter() {
  std::fclose(file_);
}

void JsonlWriter::write(const std::string& event, const MetricFields& fields) {
  Json object;
  object["event"] = event;
  object["time"] = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  for (const auto& [name, value] : fields) object[name] = to_value(value);
  const std::string line = dump(object) + "\n";
  const std::lock_guard lock(mutex_);
  const bool written = std::fwrite(line.data(), 1, line.size(), file_) == line.size() && std::fflush(file_) == 0;
  require(written, "cannot write " + path_ + ": " + std::strerror(errno));
}

MetricFields fields_of(const StepMetrics& m) {
  return {{"step", m.step},
          {"version", m.version},
          {"loss", m.loss},
          {"advantage_mean", m.advantage_mean},
          {"advantage_abs_mean", m.advantage_abs_mean},
          {"ratio_mean", m.ratio_mean},
          {"ratio_max", m.ratio_max},
          {"clip_fraction", m.clip_fraction},
          {"approx_kl", m.approx_kl},
          {"reference_kl", m.reference_kl},
          {"grad_norm", m.grad_norm},
          {"learning_rate", m.learning_rate},
          {"gap_mean", m.gap_mean},
          {"gap_max", m.gap_max},
          {"gap_tokens", m.gap_tokens},
          {"drift_mean", m.drift_mean},
          {"staleness_mean", m.staleness_mean},
          {"staleness_max", m.staleness_max},
          {"samples", m.samples},
          {"tokens", m.tokens},
          {"active_tokens", m.active_tokens},
          {"seconds", m.seconds},
          {"tokens_per_s", m.seconds > 0 ? static_cast<double>(m.tokens) / m.seconds : 0.0}};
}

std::string to_json(const MetricFields& fields) {
  Json object = Json::object();
  for (const auto& [name, value] : fields) object[name] = to_value(value);
  return dump(object);
}

}  // namespace clawrl
