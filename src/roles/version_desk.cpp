#include "roles/version_desk.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"
#include "roles/clock.hpp"

namespace clawrl {

void VersionDesk::made(std::int64_t version, std::int64_t dispatched, double made_s) {
  newest_made_ = version;
  made_s_ = made_s;
  if (version == in_flight_) started_s_ = monotonic_s();  // until now the trainers were busy with the step
  journal_.save_version({"main", version, "", ""}, VersionEvent::made);
  publish_newer(dispatched);
}

void VersionDesk::publish_newer(std::int64_t dispatched) {
  if (in_flight_ == 0 && candidate_ == 0 && newest_made_ > arrived_) publish(dispatched);
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
  arrive();
  publish_newer(dispatched);
}

void VersionDesk::arrive() {
  arrived_ = std::exchange(in_flight_, 0);
  newest_made_ = std::max(newest_made_, arrived_);
  announced_made_s_ = made_s_;
  meter_.published_bytes = bytes_;
  for (int rank : settings_.rollouts) mailbox_.send(rank, Port::rollout, messages::LoadVersion{arrived_});
  if (held_)
    candidate_ = arrived_;
  else
    announce(arrived_);
}

void VersionDesk::announce(std::int64_t version) {
  announced_ = version;
  ++meter_.versions_published;
  journal_.save_version({"main", announced_, "", ""}, VersionEvent::announced);
  for (int rank : settings_.teachers) mailbox_.send(rank, Port::prm, messages::LoadVersion{announced_});
  tell_followers(messages::UseVersion{announced_});
  alive_.insert(announced_);
  retire_surplus();
  if (on_announced) on_announced(announced_, bytes_, unix_s() - announced_made_s_);
}

template <class Message>
void VersionDesk::tell_followers(const Message& message, bool teachers) {
  for (int rank : settings_.rollouts) mailbox_.send(rank, Port::rollout, message);
  if (!teachers) return;
  for (int rank : settings_.teachers) mailbox_.send(rank, Port::prm, message);
}

void VersionDesk::retire(std::int64_t version) {
  tell_followers(messages::RetireVersion{version}, version != 0 || !settings_.keep_base_on_teachers);
  journal_.save_version({"main", version, "", ""}, VersionEvent::retired);
  alive_.erase(version);
}

void VersionDesk::retire_surplus() {
  const std::set<std::int64_t> alive = alive_;
  auto surplus = static_cast<int>(alive.size()) - settings_.keep_versions;
  for (auto oldest = alive.begin(); surplus > 0; ++oldest, --surplus)
    if (*oldest != announced_ && !kept_.contains(*oldest)) retire(*oldest);
}

void VersionDesk::keep(std::set<std::int64_t> versions) {
  kept_ = std::move(versions);
  retire_surplus();
}

void VersionDesk::hold(std::int64_t serving) {
  expect(alive_.contains(serving), "version " + std::to_string(serving) + " is retired and cannot be served again");
  held_ = true;
  if (announced_ == serving) return;
  announced_ = serving;
  tell_followers(messages::UseVersion{serving});
  const std::set<std::int64_t> later(alive_.upper_bound(serving), alive_.end());
  for (std::int64_t version : later) retire(version);
}

void VersionDesk::admit(std::int64_t dispatched) {
  expect(candidate_ != 0, "there is no candidate to be admitted");
  held_ = false;
  announce(std::exchange(candidate_, 0));
  publish_newer(dispatched);
}

void VersionDesk::refuse(std::int64_t dispatched) {
  expect(candidate_ != 0, "there is no candidate to be refused");
  retire(std::exchange(candidate_, 0));
  publish_newer(dispatched);
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
