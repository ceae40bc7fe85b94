#include "roles/version_desk.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "roles/clock.hpp"

namespace clawrl {

void VersionDesk::made(std::int64_t version, std::int64_t dispatched, double made_s) {
  newest_made_ = version;
  made_s_ = made_s;
  if (version == in_flight_) started_s_ = monotonic_s();  // until now the trainers were busy with the step
  journal_.save_version({"main", version, "", ""}, VersionEvent::made);
  if (in_flight_ == 0 && version > announced_) publish(dispatched);
}

/// A trainer publishes what it holds when it reads the message: the version of the last step that was sent before it.
void VersionDesk::publish(std::int64_t version) {
  in_flight_ = version;
  started_s_ = monotonic_s();
  bytes_ = 0;
  missing_.clear();
  missing_.insert(settings_.rollouts.begin(), settings_.rollouts.end());
  missing_.insert(settings_.teachers.begin(), settings_.teachers.end());
  const messages::Publish publish{version, {missing_.begin(), missing_.end()}};
  for (int rank : settings_.trainers) mailbox_.send(rank, Port::trainer, publish);
}

void VersionDesk::complete(int rank, const messages::VersionComplete& message, std::int64_t dispatched) {
  if (message.version != in_flight_) return;
  require(message.error.empty(), "rank " + std::to_string(rank) + " did not get version " +
                                     std::to_string(message.version) + " whole: " + message.error);
  bytes_ += message.bytes;
  missing_.erase(rank);
  if (!missing_.empty()) return;
  announce();
  if (newest_made_ > announced_) publish(dispatched);
}

void VersionDesk::announce() {
  announced_ = in_flight_;
  in_flight_ = 0;
  newest_made_ = std::max(newest_made_, announced_);
  announced_made_s_ = made_s_;
  ++meter_.versions_published;
  meter_.published_bytes = bytes_;
  journal_.save_version({"main", announced_, "", ""}, VersionEvent::announced);
  for (int rank : settings_.rollouts) mailbox_.send(rank, Port::rollout, messages::UseVersion{announced_});
  for (int rank : settings_.teachers) mailbox_.send(rank, Port::prm, messages::UseVersion{announced_});
  alive_.push_back(announced_);
  while (static_cast<int>(alive_.size()) > settings_.keep_versions) {
    const std::int64_t old = alive_.front();
    alive_.pop_front();
    for (int rank : settings_.rollouts) mailbox_.send(rank, Port::rollout, messages::RetireVersion{old});
    if (old != 0 || !settings_.keep_base_on_teachers)
      for (int rank : settings_.teachers) mailbox_.send(rank, Port::prm, messages::RetireVersion{old});
    journal_.save_version({"main", old, "", ""}, VersionEvent::retired);
  }
  if (on_announced) on_announced(announced_, bytes_, unix_s() - announced_made_s_);
}

void VersionDesk::token(std::int64_t version) {
  if (version <= first_token_of_) return;
  first_token_of_ = version;
  const double seconds = unix_s() - announced_made_s_;
  if (version == announced_) meter_.commit_to_first_token_s.add(seconds);
  if (on_first_token) on_first_token(version, seconds);
}

void VersionDesk::tick(double now_s) const {
  require(in_flight_ == 0 || in_flight_ > newest_made_ || now_s - started_s_ < settings_.limit_s,
          "version " + std::to_string(in_flight_) + " did not reach every rank within " +
              std::to_string(static_cast<int>(settings_.limit_s)) + " s");
}

}  // namespace clawrl
