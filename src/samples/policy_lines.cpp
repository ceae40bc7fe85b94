#include "samples/policy_lines.hpp"

#include <algorithm>
#include <sstream>

#include "core/error.hpp"
#include "samples/feedback_weight.hpp"

namespace clawrl {

std::string policy_line(const PolicyConfig& config, const Turn& turn) {
  return policy_line(config, turn.key, turn.user);
}

std::string policy_line(const PolicyConfig& config, const std::string& key, const std::string& user) {
  if (!config.per_user() || (key.empty() && user.empty())) return shared_line;
  Turn named;
  named.key = key;
  named.user = user;
  return influence_key(named);
}

PolicyLines::PolicyLines(const RunConfig& config)
    : PolicyLines((config.policy.per_user() ? static_cast<std::size_t>(config.policy.max_lines) : 1) +
                      (config.policy.stacked() ? 1 : 0),
                  static_cast<std::size_t>(max_staleness(config.samples, true)) + 1) {
  if (config.policy.stacked()) lines_[shared_line];
}

bool PolicyLines::admit(const std::string& line) {
  if (lines_.contains(line)) return true;
  if (lines_.size() >= most_) return false;
  lines_[line];
  return true;
}

void PolicyLines::stepped(const std::string& line, std::int64_t version) {
  const bool newer = version > newest(line);
  Line& known = lines_[line];
  ++known.steps;
  if (!newer) return;
  known.versions.push_back(version);
  if (known.versions.size() > remembered_) known.versions.pop_front();
}

void PolicyLines::begin_at(const std::string& line, std::int64_t steps, std::int64_t version) {
  Line& known = lines_[line];
  known = {steps, {}};
  const auto count = std::min(static_cast<std::int64_t>(remembered_), version);
  for (std::int64_t number = version - count + 1; number <= version; ++number) known.versions.push_back(number);
}

std::int64_t PolicyLines::steps(const std::string& line) const {
  const auto found = lines_.find(line);
  return found == lines_.end() ? 0 : found->second.steps;
}

std::int64_t PolicyLines::newest(const std::string& line) const {
  const auto found = lines_.find(line);
  return found == lines_.end() || found->second.versions.empty() ? 0 : found->second.versions.back();
}

std::int64_t PolicyLines::age(const std::string& line, std::int64_t version) const {
  const auto found = lines_.find(line);
  if (found == lines_.end()) return 0;
  const auto& versions = found->second.versions;
  return versions.end() - std::upper_bound(versions.begin(), versions.end(), version);
}

std::vector<std::string> PolicyLines::names() const {
  std::vector<std::string> names;
  for (const auto& [name, line] : lines_) names.push_back(name);
  return names;
}

std::string PolicyLines::text() const {
  std::ostringstream out;
  for (const auto& [name, line] : lines_) {
    out << name << ' ' << line.steps;
    for (const std::int64_t version : line.versions) out << ' ' << version;
    out << '\n';
  }
  return out.str();
}

void PolicyLines::restore(const std::string& text) {
  std::map<std::string, Line> read;
  std::istringstream in(text);
  for (std::string row; std::getline(in, row);) {
    std::istringstream words(row);
    std::string name;
    Line line;
    words >> name >> line.steps;
    require(!words.fail(), "the policy lines of a checkpoint cannot be read: " + row);
    for (std::int64_t version = 0; words >> version;) line.versions.push_back(version);
    require(words.eof(), "the policy lines of a checkpoint cannot be read: " + row);
    while (line.versions.size() > remembered_) line.versions.pop_front();
    read[name] = std::move(line);
  }
  if (lines_.contains(shared_line)) read.try_emplace(shared_line);
  lines_ = std::move(read);
}

}  // namespace clawrl
