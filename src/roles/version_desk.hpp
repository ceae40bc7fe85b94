#pragma once
// The order push -> verify -> announce -> retire of weights/weight_publisher.hpp, as the head drives it. While serving
// is held a version waits between verify and announce, as the candidate, until it is admitted or refused.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "comm/mailbox.hpp"
#include "journal/journal.hpp"
#include "roles/messages.hpp"
#include "roles/service_meter.hpp"
#include "samples/policy_lines.hpp"

namespace clawrl {

struct VersionDeskSettings {
  std::vector<int> trainers;
  std::vector<int> rollouts;  // ranks that sample
  std::vector<int> teachers;  // ranks that score with the newest version; may share ranks with rollouts
  int keep_versions = 2;      // of each policy line
  bool keep_base_on_teachers = false;
  bool keep_base = false;  // on every rank: it answers who has no version of their own yet
  double limit_s = 120;    // of one publication
};

/// Head thread only. One publication is in flight at a time; versions of a line made meanwhile coalesce to its newest,
/// and the line that waits longest is next.
class VersionDesk {
 public:
  VersionDesk(Mailbox& mailbox, Journal& journal, ServiceMeter& meter, VersionDeskSettings settings);

  /// The trainers hold `version`; the last TakeStep sent to them makes `dispatched`. made_s: Unix seconds.
  void made(const LineVersion& version, const LineVersion& dispatched, double made_s);
  /// The line goes out as `version`, which no step made: as it stands on the shared line by now (policy.lines = both).
  void rebased(const LineVersion& version, const LineVersion& dispatched, double now_s);
  /// What goes out of the line next, or did last, is from before the step that made `version`, or there is none.
  bool behind(const std::string& line, std::int64_t version) const;
  void complete(int rank, const messages::VersionComplete& message, const LineVersion& dispatched);
  /// A token was computed by this version.
  void token(std::int64_t version);
  /// Every version of the line goes, one that travels when it has arrived.
  void drop(const std::string& line);
  void tick(double now_s) const;  // throws UserError when a publication takes too long

  // -- holding the shared line, for audits (audit_desk.hpp)
  /// New sequences take `serving` again (alive: announced and kept); later versions go, and those still to come wait as
  /// candidates. Running sequences finish on theirs.
  void hold(std::int64_t serving);
  /// The candidate is announced; nothing is held any more.
  void admit(const LineVersion& dispatched);
  /// The candidate goes; the newest version made since becomes the next one.
  void refuse(const LineVersion& dispatched);
  bool held() const { return held_; }
  /// Whole on every rank, loaded for requests that are pinned to it, and not announced; 0 = none.
  std::int64_t candidate() const { return candidate_.number; }
  /// These of the shared line are not retired, beside the newest `keep_versions`, until the next call.
  void keep(std::set<std::int64_t> versions);

  bool committing() const { return in_flight_.number != 0; }
  std::int64_t announced() const { return announced_; }   // newest of all; while held, what is served
  std::int64_t announced(const std::string& line) const;  // 0 = none: the start weights
  bool settled() const { return !committing() && (candidate_.number != 0 || next().empty()); }
  /// The trainers were told to send the version: it has their bits as long as no step is sent to them.
  std::function<void(const LineVersion& version)> on_pushed = [](const LineVersion&) {};
  /// bytes: over all receivers; seconds: since the step that made the version ended.
  std::function<void(std::int64_t version, std::int64_t bytes, double seconds)> on_announced;
  std::function<void(const LineVersion& version, double seconds)> on_first_token;

 private:
  struct Line {
    std::int64_t made = 0, arrived = 0, announced = 0;
    std::int64_t pushed_after = 0;  // version of the last step that what was pushed last has seen
    double made_s = 0;
    std::set<std::int64_t> alive;  // announced and not retired
  };
  struct Silent {
    std::string line;
    double made_s;
  };
  bool waits(const std::string& line) const;  // to be pushed
  std::string next() const;
  void publish_next(const LineVersion& dispatched);
  void arrive();
  void announce(const LineVersion& version);
  void retire(const LineVersion& version);
  void retire_surplus(const std::string& line);
  template <class Message>
  void tell_followers(const Message& message, bool teachers = true);

  Mailbox& mailbox_;
  Journal& journal_;
  ServiceMeter& meter_;
  VersionDeskSettings settings_;
  std::map<std::string, Line> lines_;
  std::map<std::int64_t, Silent> silent_;  // announced, and no token of it was seen
  LineVersion in_flight_{0}, candidate_{0};
  bool dropped_ = false;  // the line in flight was
  bool held_ = false;
  std::set<std::int64_t> kept_;
  std::int64_t newest_made_ = 0, announced_ = 0;
  std::int64_t after_step_of_ = 0;  // the trainers push when they have made this version
  double started_s_ = 0;
  std::int64_t bytes_ = 0;
  std::set<int> missing_;
};

}  // namespace clawrl
