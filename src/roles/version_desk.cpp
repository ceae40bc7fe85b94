#include "roles/version_desk.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"
#include "roles/clock.hpp"

namespace clawrl {

VersionDesk::VersionDesk(Mailbox& mailbox, Journal& journal, ServiceMeter& meter, VersionDeskSettings settings)
    : mailbox_(mailbox), journal_(journal), meter_(meter), settings_(std::move(settings)) {
  if (!settings_.keep_base) lines_[shared_line].alive = {0};
}

void VersionDesk::made(const LineVersion& version, const LineVersion& dispatched, double made_s) {
  Line& line = lines_[version.line];
  line.made = version.number;
  line.made_s = made_s;
  newest_made_ = std::max(newest_made_, version.number);
  if (version.number == after_step_of_) started_s_ = monotonic_s();  // until now the trainers were busy with the step
  journal_.save_version({version.line, version.number, "", ""}, VersionEvent::made);
  publish_next(dispatched);
}

void VersionDesk::rebased(const LineVersion& version, const LineVersion& dispatched, double now_s) {
  Line& line = lines_[version.line];
  line.made = version.number;
  line.made_s = now_s;
  journal_.save_version({version.line, version.number, "", ""}, VersionEvent::made);
  publish_next(dispatched);
}

bool VersionDesk::behind(const std::string& name, std::int64_t version) const {
  const auto line = lines_.find(name);
  return line == lines_.end() ? version > 0 : !waits(name) && line->second.pushed_after < version;
}

bool VersionDesk::waits(const std::string& name) const {
  const Line& line = lines_.at(name);
  return line.made > std::max(line.arrived, in_flight_.line == name ? in_flight_.number : 0);
}

std::int64_t VersionDesk::announced(const std::string& line) const {
  const auto found = lines_.find(line);
  return found == lines_.end() ? 0 : found->second.announced;
}

/// Numbers grow over all lines, so the smallest waits longest. Empty = none waits.
std::string VersionDesk::next() const {
  std::string chosen;
  std::int64_t oldest = INT64_MAX;
  for (const auto& [name, line] : lines_)
    if (line.made > line.arrived && line.made < oldest) {
      oldest = line.made;
      chosen = name;
    }
  return chosen;
}

/// A trainer publishes what it holds of the line when it reads the message: after the last step that was sent before.
void VersionDesk::publish_next(const LineVersion& dispatched) {
  if (committing() || candidate_.number != 0) return;
  const std::string line = next();
  if (line.empty()) return;
  in_flight_ = {dispatched.line == line ? dispatched.number : lines_[line].made, line};
  lines_[line].pushed_after = dispatched.number;
  after_step_of_ = dispatched.number;
  started_s_ = monotonic_s();
  bytes_ = 0;
  missing_.clear();
  missing_.insert(settings_.rollouts.begin(), settings_.rollouts.end());
  missing_.insert(settings_.teachers.begin(), settings_.teachers.end());
  const messages::Publish publish{in_flight_.number, {missing_.begin(), missing_.end()}, line};
  for (int rank : settings_.trainers) mailbox_.send(rank, Port::trainer, publish);
  on_pushed(in_flight_);
}

void VersionDesk::complete(int rank, const messages::VersionComplete& message, const LineVersion& dispatched) {
  if (message.version != in_flight_.number) return;
  require(message.error.empty(), "rank " + std::to_string(rank) + " did not get version " +
                                     std::to_string(message.version) + " whole: " + message.error);
  bytes_ += message.bytes;
  missing_.erase(rank);
  if (!missing_.empty()) return;
  arrive();
  publish_next(dispatched);
}

void VersionDesk::arrive() {
  const LineVersion version = std::exchange(in_flight_, LineVersion{0});
  if (std::exchange(dropped_, false)) return retire(version);
  Line& line = lines_[version.line];
  line.arrived = version.number;
  line.made = std::max(line.made, version.number);
  meter_.published_bytes = bytes_;
  for (int rank : settings_.rollouts) mailbox_.send(rank, Port::rollout, messages::LoadVersion{version.number});
  if (held_)
    candidate_ = version;
  else
    announce(version);
}

void VersionDesk::announce(const LineVersion& version) {
  Line& line = lines_[version.line];
  line.announced = version.number;
  announced_ = std::max(announced_, version.number);
  silent_.emplace(version.number, Silent{version.line, line.made_s});
  ++meter_.versions_published;
  journal_.save_version({version.line, version.number, "", ""}, VersionEvent::announced);
  for (int rank : settings_.teachers) mailbox_.send(rank, Port::prm, messages::LoadVersion{version.number});
  tell_followers(messages::UseVersion{version.number, version.line});
  line.alive.insert(version.number);
  retire_surplus(version.line);
  if (on_announced) on_announced(version.number, bytes_, unix_s() - line.made_s);
}

template <class Message>
void VersionDesk::tell_followers(const Message& message, bool teachers) {
  for (int rank : settings_.rollouts) mailbox_.send(rank, Port::rollout, message);
  if (!teachers) return;
  for (int rank : settings_.teachers) mailbox_.send(rank, Port::prm, message);
}

void VersionDesk::retire(const LineVersion& version) {
  tell_followers(messages::RetireVersion{version.number}, version.number != 0 || !settings_.keep_base_on_teachers);
  journal_.save_version({version.line, version.number, "", ""}, VersionEvent::retired);
  silent_.erase(version.number);  // a line that nobody asks leaves no trace here
  if (const auto line = lines_.find(version.line); line != lines_.end()) line->second.alive.erase(version.number);
}

void VersionDesk::retire_surplus(const std::string& name) {
  const Line line = lines_[name];
  auto surplus = static_cast<int>(line.alive.size()) - settings_.keep_versions;
  for (auto oldest = line.alive.begin(); surplus > 0; ++oldest, --surplus)
    if (*oldest != line.announced && !kept_.contains(*oldest)) retire({*oldest, name});
}

void VersionDesk::keep(std::set<std::int64_t> versions) {
  kept_ = std::move(versions);
  retire_surplus(shared_line);
}

void VersionDesk::hold(std::int64_t serving) {
  Line& line = lines_[shared_line];
  expect(line.alive.contains(serving), "version " + std::to_string(serving) + " is retired and cannot be served again");
  held_ = true;
  if (line.announced == serving) return;
  announced_ = line.announced = serving;
  tell_followers(messages::UseVersion{serving, shared_line});
  const std::set<std::int64_t> later(line.alive.upper_bound(serving), line.alive.end());
  for (std::int64_t version : later) retire({version, shared_line});
}

void VersionDesk::admit(const LineVersion& dispatched) {
  expect(candidate_.number != 0, "there is no candidate to be admitted");
  held_ = false;
  announce(std::exchange(candidate_, LineVersion{0}));
  publish_next(dispatched);
}

void VersionDesk::refuse(const LineVersion& dispatched) {
  expect(candidate_.number != 0, "there is no candidate to be refused");
  retire(std::exchange(candidate_, LineVersion{0}));
  publish_next(dispatched);
}

void VersionDesk::drop(const std::string& name) {
  const auto found = lines_.find(name);
  if (found == lines_.end()) return;
  const std::set<std::int64_t> alive = found->second.alive;
  for (const std::int64_t number : alive) retire({number, name});
  dropped_ = dropped_ || (committing() && in_flight_.line == name);
  std::erase_if(silent_, [&](const auto& entry) { return entry.second.line == name; });
  lines_.erase(name);
}

void VersionDesk::token(std::int64_t version) {
  const auto found = silent_.find(version);
  if (found == silent_.end()) return;
  const Silent first = found->second;
  std::erase_if(silent_, [&](const auto& entry) { return entry.first <= version && entry.second.line == first.line; });
  const double seconds = unix_s() - first.made_s;
  if (version == announced(first.line)) meter_.commit_to_first_token_s.add(seconds);
  if (on_first_token) on_first_token({version, first.line}, seconds);
}

void VersionDesk::tick(double now_s) const {
  require(!committing() || after_step_of_ > newest_made_ || now_s - started_s_ < settings_.limit_s,
          "version " + std::to_string(in_flight_.number) + " did not reach every rank within " +
              std::to_string(static_cast<int>(settings_.limit_s)) + " s");
}

}  // namespace clawrl
