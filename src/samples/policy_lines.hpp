#pragma once
// Whose weights a turn speaks with and teaches: policy lines. Version numbers are one sequence over all lines; a
// version belongs to one line. How old a sample is, and where a line's learning rate and replay stand, count its own
// steps only, so that nothing of a line depends on what other users do; with policy.lines = both but for the shared
// part, which every step moves.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/run_config.hpp"
#include "core/turn.hpp"

namespace clawrl {

/// The line of everybody with policy.lines = shared; with user and both of those who name neither API key nor `user`,
/// and with both also of users who have no line (yet).
inline const std::string shared_line = "main";

struct LineVersion {
  LineVersion(std::int64_t version, std::string of = shared_line) : number(version), line(std::move(of)) {}
  std::int64_t number;
  std::string line;
};

/// With policy.lines = user or both: influence_key() of who names a key or a `user`.
std::string policy_line(const PolicyConfig& config, const Turn& turn);
std::string policy_line(const PolicyConfig& config, const std::string& key, const std::string& user);

/// Not thread-safe. Bounded: at most `most` lines, each with the newest `remembered` version numbers.
class PolicyLines {
 public:
  PolicyLines(std::size_t most, std::size_t remembered) : most_(most), remembered_(remembered) {}
  /// As the settings of a run bound it: no sample that may be used is older than what is remembered. With both the
  /// shared line is always there.
  explicit PolicyLines(const RunConfig& config);

  /// False: it is not there and there is no room for it.
  bool admit(const std::string& line);
  /// A step of the line made `version`, or nothing new (newest()); a line that is not there is added in any case.
  void stepped(const std::string& line, std::int64_t version);
  /// As after `steps` steps that made versions up to `version`, one after the other.
  void begin_at(const std::string& line, std::int64_t steps, std::int64_t version);
  void erase(const std::string& line) { lines_.erase(line); }
  bool contains(const std::string& line) const { return lines_.contains(line); }

  std::int64_t steps(const std::string& line) const;
  std::int64_t newest(const std::string& line) const;  // version; 0 = the start weights
  /// Versions that the line has had since `version`; exact up to `remembered`.
  std::int64_t age(const std::string& line, std::int64_t version) const;
  std::vector<std::string> names() const;
  std::size_t most() const { return most_; }
  bool full() const { return lines_.size() >= most_; }

  /// For checkpoints: a text line per policy line. restore() throws UserError for anything else.
  std::string text() const;
  void restore(const std::string& text);

 private:
  struct Line {
    std::int64_t steps = 0;
    std::deque<std::int64_t> versions;  // ascending
  };
  std::size_t most_, remembered_;
  std::map<std::string, Line> lines_;
};

}  // namespace clawrl
