#pragma once
// Held-out audits of policy versions, and what follows from a bad one. The last version before a pause is audited, too.
//
//   version 0 (the reference) -> every N-th announced version, beside the service --passed--> where serving can go back
//        |                                                                             |
//        '-- failed: serving goes back to the last version that passed and is held; every version that is made then
//            is a candidate: loaded, audited, and announced (the hold is over) or retired. Once a candidate has failed
//            the trainers go back, too (trainer_rollback.hpp)

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "journal/journal.hpp"
#include "roles/audit_view.hpp"
#include "roles/held_out_run.hpp"
#include "roles/version_desk.hpp"

namespace clawrl {

/// Head thread only.
class AuditDesk {
 public:
  struct Seams {
    std::function<LineVersion()> dispatched;        // as VersionDesk::made() wants it
    std::function<bool()> catching_up;              // steps of before a restart are taken again
    std::function<bool()> learning;                 // a verdict, a step or new weights are on their way
    std::function<void(const std::string&)> log;    // one line for the operator
    std::function<void(const AuditView&)> audited;  // an audit has ended
    /// The trainers are to go back to `good` or before; way_back_ended() will be called.
    std::function<void(std::int64_t good)> go_back;
  };
  /// `versions` keeps what audits need: the reference until it is measured, the last version that passed, the one that
  /// is being audited.
  AuditDesk(Journal& journal, VersionDesk& versions, HeldOutRun run, const AuditConfig& config, Seams seams);

  /// A journal whose run ended while serving was held: version 0 is served until a candidate passes.
  void resume();
  /// For a run without audits. True: the journal said that serving is held.
  static bool forget_hold(Journal& journal);
  /// Makes resume() hold serving, if nothing did.
  static void note_hold(Journal& journal, const std::string& reason);
  void take(const std::vector<CompletionDelta>& deltas) { run_.take(deltas); }
  void take(const messages::TextScored& scored) { run_.take(scored); }
  void tick(double now_s);
  /// The trainers hold the weights of `restored` as `version`; older candidates are refused unasked. Nothing is audited
  /// before way_back_ended(): what would be announced is not on disk yet.
  void went_back(std::int64_t version, std::int64_t restored);
  void way_back_ended() { going_back_ = false; }
  void stop();  // nothing is asked any more
  /// An audit is under way or due, so that what is served may still change.
  bool busy() const { return !stopped_ && (run_.under_way() || going_back_ || due()); }
  /// The newest version has not been audited, and will be if nothing is learned for audit.quiet_s.
  bool pending() const;
  /// The version that passed last, also before a restart; 0 = the reference. Lower once weights of before it have
  /// failed.
  std::int64_t good() const { return good_; }
  const AuditView& view() const { return view_; }

 private:
  std::optional<std::int64_t> due() const;
  bool catch_up();
  void keep_needed();
  void conclude(const HeldOutResult& result);
  void take_reference();
  bool watched(const std::string& set) const;
  void pass(std::int64_t version);
  void fail(std::int64_t version, const std::string& what);
  void set_hold(const std::string& reason);
  void set_good(std::int64_t version);

  Journal& journal_;
  VersionDesk& versions_;
  HeldOutRun run_;
  const AuditConfig config_;
  Seams seams_;
  std::optional<Outcomes> reference_;
  std::int64_t passed_ = 0;   // of this process: where serving can go back
  std::int64_t good_ = 0;     // where the trainers can
  std::int64_t audited_ = 0;  // newest version that an audit has judged
  std::int64_t newest_ = 0;   // announced
  double quiet_since_s_ = 0, now_s_ = 0;
  std::int64_t fresh_from_ = 0;  // candidates before it are of the weights that were given up
  std::int64_t restored_ = 0;    // the version whose bits fresh_from_ has
  std::int64_t resumed_as_ = 0;  // candidates before it are not the newest that the journal's steps make
  bool catching_up_ = false;
  bool going_back_ = false;
  bool stopped_ = false;
  AuditView view_;
};

}  // namespace clawrl
