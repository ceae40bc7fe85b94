#pragma once
// The order push -> verify -> announce -> retire of weights/weight_publisher.hpp, as the head drives it. While serving
// is held a version waits between verify and announce, as the candidate, until it is admitted or refused.

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "comm/mailbox.hpp"
#include "journal/journal.hpp"
#include "roles/messages.hpp"
#include "roles/service_meter.hpp"

namespace clawrl {

struct VersionDeskSettings {
  std::vector<int> trainers;
  std::vector<int> rollouts;  // ranks that sample
  std::vector<int> teachers;  // ranks that score with the newest version; may share ranks with rollouts
  int keep_versions = 2;
  bool keep_base_on_teachers = false;
  double limit_s = 120;  // of one publication
};

/// Head thread only. One publication is in flight at a time; versions made meanwhile coalesce to the newest.
class VersionDesk {
 public:
  VersionDesk(Mailbox& mailbox, Journal& journal, ServiceMeter& meter, VersionDeskSettings settings)
      : mailbox_(mailbox), journal_(journal), meter_(meter), settings_(std::move(settings)) {}

  /// The trainers hold `version`; the last TakeStep sent to them makes `dispatched`. made_s: Unix seconds.
  void made(std::int64_t version, std::int64_t dispatched, double made_s);
  void complete(int rank, const messages::VersionComplete& message, std::int64_t dispatched);
  /// A token was computed by this version.
  void token(std::int64_t version);
  void tick(double now_s) const;  // throws UserError when a publication takes too long

  // -- holding, for audits (audit_desk.hpp)
  /// New sequences take `serving` again (alive: announced and kept); later versions go, and those still to come wait as
  /// candidates. Running sequences finish on theirs.
  void hold(std::int64_t serving);
  /// The candidate is announced; nothing is held any more.
  void admit(std::int64_t dispatched);
  /// The candidate goes; the newest version made since becomes the next one.
  void refuse(std::int64_t dispatched);
  bool held() const { return held_; }
  /// Whole on every rank, loaded for requests that are pinned to it, and not announced; 0 = none.
  std::int64_t candidate() const { return candidate_; }
  /// These are not retired, beside the newest `keep_versions`, until the next call.
  void keep(std::set<std::int64_t> versions);

  bool committing() const { return in_flight_ != 0; }
  std::int64_t announced() const { return announced_; }  // what new sequences take
  bool settled() const { return in_flight_ == 0 && (candidate_ != 0 || arrived_ >= newest_made_); }
  /// bytes: over all receivers; seconds: since the step that made the version ended.
  std::function<void(std::int64_t version, std::int64_t bytes, double seconds)> on_announced;
  std::function<void(std::int64_t version, double seconds)> on_first_token;

 private:
  void publish(std::int64_t version);
  void publish_newer(std::int64_t dispatched);
  void arrive();
  void announce(std::int64_t version);
  void retire(std::int64_t version);
  void retire_surplus();
  template <class Message>
  void tell_followers(const Message& message, bool teachers = true);

  Mailbox& mailbox_;
  Journal& journal_;
  ServiceMeter& meter_;
  VersionDeskSettings settings_;
  std::int64_t newest_made_ = 0, arrived_ = 0, announced_ = 0, in_flight_ = 0, candidate_ = 0, first_token_of_ = 0;
  bool held_ = false;
  double made_s_ = 0, started_s_ = 0, announced_made_s_ = 0;
  std::int64_t bytes_ = 0;
  std::set<int> missing_;
  std::set<std::int64_t> alive_{0}, kept_;  // announced and not retired; of them, or to be, those that stay
};

}  // namespace clawrl
