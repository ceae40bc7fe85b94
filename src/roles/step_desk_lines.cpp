// What the step desk knows of policy lines.

#include <algorithm>

#include "core/error.hpp"
#include "roles/step_desk.hpp"

namespace clawrl {
namespace {

const std::string dropped_key = "line_dropped/";  // + line: its versions below this number are gone

}  // namespace

void StepDesk::restore_lines(const std::string& text) {
  lines_.restore(text);
  const std::size_t users = lines_.names().size() - (config_.policy.stacked() ? 1 : 0);
  require(users <= static_cast<std::size_t>(config_.policy.max_lines),
          "policy.max_lines = " + std::to_string(config_.policy.max_lines) + " is too few for the " +
              std::to_string(users) + " policy lines of the checkpoint: allowed is as many or more");
  for (const auto& [key, mark] : journal_.metadata())
    if (const std::string line = key.starts_with(dropped_key) ? key.substr(dropped_key.size()) : "";
        lines_.contains(line) && lines_.newest(line) < std::stoll(mark))
      forget_line(line);
  line_.clear();  // of a version whose line was dropped, or that stood on what the shared line was then
  for (const std::string& line : lines_.names())
    if (!config_.policy.stacked() && lines_.newest(line) == version_) line_ = line;
  dispatched_line_ = line_;
}

/// As the turn's line counts: what other lines made in between does not age it.
std::int64_t StepDesk::newest_for(const Turn& turn) const {
  if (shared() || turn.completion.versions.empty()) return version_;
  const auto& versions = turn.completion.versions;
  const std::int64_t oldest = *std::min_element(versions.begin(), versions.end());
  return oldest + lines_.age(taught_line(turn), oldest);
}

/// With both, who has no line of their own for want of room teaches the shared one alone.
std::string StepDesk::taught_line(const Turn& turn) const {
  const std::string own = policy_line(config_.policy, turn);
  return config_.policy.stacked() && !lines_.contains(own) && lines_.full() ? shared_line : own;
}

std::optional<std::int64_t> StepDesk::rebase(const std::string& line) {
  if (in_flight_ && in_flight_->record.line == line) return std::nullopt;
  return next_version_++;
}

/// The line's version that has the bits which the step about to be sent begins with; that step moves the shared part of
/// all of them.
std::int64_t StepDesk::take_held(const std::string& line) {
  if (!config_.policy.stacked()) return lines_.newest(line);
  const auto found = held_.find(line);
  const std::int64_t held = found == held_.end() ? -1 : found->second;
  held_.clear();
  return held;
}

void StepDesk::drop_line(const std::string& line) {
  const bool taking = in_flight_ && in_flight_->record.line == line;
  if (!taking && !lines_.contains(line)) return;
  journal_.put(dropped_key + line, std::to_string(next_version_));
  if (taking)
    dropping_ = line;
  else
    forget_line(line);
}

void StepDesk::forget_line(const std::string& line) {
  lines_.erase(line);
  held_.erase(line);
  for (int rank : trainers_) mailbox_.send(rank, Port::trainer, messages::DropLine{line});
  on_line_dropped(line);
}

}  // namespace clawrl
