// What /status and /metrics say of the head, twice a second.

#include "roles/head.hpp"
#include "roles/head_metrics.hpp"

namespace clawrl {

/// A verdict, a step or new weights are on their way without anybody saying more.
bool Head::learning_under_way() const {
  if (!context_.learning) return false;
  return judges_->waiting() > 0 || steps_->looks_at_groups() || steps_->busy() || steps_->batch_waits() ||
         versions_->committing() || (rollback_ && rollback_->busy());
}

bool Head::learning_busy() const {
  return learning_under_way() || (audits_ && audits_->busy());
}

void Head::publish_status() {
  MetricFields fields{{"version", versions_ ? versions_->announced() : std::int64_t{0}},
                      {"learning", context_.learning},
                      {"step", steps_ ? steps_->step() : std::int64_t{0}},
                      {"policy_lines", static_cast<std::int64_t>(steps_ ? steps_->lines().names().size() : 0)},
                      {"active", static_cast<std::int64_t>(requests_->active())},
                      {"judging", static_cast<std::int64_t>(judges_ ? judges_->waiting() : 0)},
                      {"choices_waiting", static_cast<std::int64_t>(steps_ ? steps_->waiting_for_group() : 0)},
                      {"untrusted_waiting", static_cast<std::int64_t>(steps_ ? steps_->waiting_for_trust() : 0)},
                      {"samples_waiting", static_cast<std::int64_t>(steps_ ? steps_->waiting() : 0)},
                      {"learning_busy", learning_busy()},
                      {"audit_pending", audits_ && audits_->pending()},
                      {"sessions", static_cast<std::int64_t>(sessions_.sessions())},
                      {"checkpoint_step", checkpoints_ ? checkpoints_->last_step() : std::int64_t{-1}},
                      {"unrecorded", journal_->failure()},
                      {"checkpoint_error", checkpoints_ ? checkpoints_->failed() : std::string()}};
  for (auto& field : fields_of(audit_view())) fields.push_back(std::move(field));
  for (auto& field : meter_.fields()) fields.push_back(std::move(field));
  HeadGauges gauges;
  gauges.version = versions_ ? versions_->announced() : 0;
  gauges.step = steps_ ? steps_->step() : 0;
  if (steps_) gauges.line = steps_->line();
  gauges.active = static_cast<std::int64_t>(requests_->active());
  gauges.judging = static_cast<std::int64_t>(judges_ ? judges_->waiting() : 0);
  gauges.samples_waiting = static_cast<std::int64_t>(steps_ ? steps_->waiting() : 0);
  gauges.sessions = static_cast<std::int64_t>(sessions_.sessions());
  gauges.unrecorded = journal_->failed();
  const std::string page = head_metrics(meter_, gauges, learning_.views(), audit_view());
  const std::lock_guard lock(status_mutex_);
  status_ = to_json(fields);
  metrics_text_ = page;
}

}  // namespace clawrl
