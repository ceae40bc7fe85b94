#include "frontend/http_metrics.hpp"

#include "metrics/metric_page.hpp"

namespace clawrl {

std::string http_metrics(const ServerContext& context) {
  const HttpMeter& meter = context.meter;
  const auto shown = [](const std::atomic<std::int64_t>& value) { return static_cast<double>(value.load()); };
  MetricPage page;
  page.gauge("clawrl_http_connections", "Open connections", static_cast<double>(context.count()));
  page.gauge("clawrl_http_streams", "Open event streams", shown(meter.streams));
  page.gauge("clawrl_http_requests_under_way", "Requests that count for http.max_requests",
             static_cast<double>(context.limits.under_way()));
  page.gauge("clawrl_http_reading_bytes", "Bytes of request bodies that are being received",
             shown(meter.bytes_reading));
  page.counter("clawrl_http_accepted_total", "Connections accepted", shown(meter.connections));
  page.counter("clawrl_http_turned_away_total", "Connections above http.max_connections", shown(meter.turned_away));
  page.counter("clawrl_http_handshakes_failed_total", "TLS handshakes that failed", shown(meter.handshakes_failed));
  page.counter("clawrl_http_replies_cut_total", "Replies cut off: slow or stalled readers", shown(meter.replies_cut));
  page.counter("clawrl_http_hang_ups_total", "Clients that left during a reply", shown(meter.hang_ups));
  page.counter("clawrl_http_sent_bytes_total", "Bytes sent", shown(meter.bytes_sent));
  for (const auto& [what, count] : meter.replies())
    page.counter("clawrl_http_replies_total", "Replies by route and status", static_cast<double>(count),
                 {{"route", name(what.first)}, {"code", std::to_string(what.second)}});
  return page.text();
}

}  // namespace clawrl
