#include "roles/audit_desk.hpp"

#include <algorithm>
#include <utility>

namespace clawrl {
namespace {

constexpr const char* hold_key = "audit_hold";  // of the journal's metadata: why serving is held
constexpr const char* good_key = "audit_good";  // and the version that passed last

std::string named(std::int64_t version) {
  return "version " + std::to_string(version);
}

}  // namespace

AuditDesk::AuditDesk(Journal& journal, VersionDesk& versions, HeldOutRun run, const AuditConfig& config, Seams seams)
    : journal_(journal), versions_(versions), run_(std::move(run)), config_(config), seams_(std::move(seams)) {
  keep_needed();
}

void AuditDesk::resume() {
  good_ = std::stoll(journal_.get(good_key).value_or("0"));
  const auto reason = journal_.get(hold_key);
  if (!reason || reason->empty()) return;
  versions_.hold(0);
  catching_up_ = true;
  set_hold(*reason);
  seams_.log("warning: serving is still held, now at version 0, until a version passes its audit: " + *reason);
}

bool AuditDesk::forget_hold(Journal& journal) {
  const auto reason = journal.get(hold_key);
  if (!reason || reason->empty()) return false;
  journal.put(hold_key, "");
  return true;
}

void AuditDesk::note_hold(Journal& journal, const std::string& reason) {
  if (journal.get(hold_key).value_or("").empty()) journal.put(hold_key, reason);
}

std::optional<std::int64_t> AuditDesk::due() const {
  if (!reference_) return 0;
  if (going_back_) return std::nullopt;
  if (versions_.candidate() != 0) return versions_.candidate();
  const bool far_enough = versions_.announced() >= audited_ + config_.every_versions;
  const bool quiet = pending() && now_s_ - quiet_since_s_ >= config_.quiet_s;
  return (far_enough || quiet) && !versions_.held() ? std::optional(versions_.announced()) : std::nullopt;
}

bool AuditDesk::pending() const {
  return !stopped_ && config_.quiet_s > 0 && reference_ && !versions_.held() && versions_.announced() > audited_;
}

void AuditDesk::keep_needed() {
  std::set<std::int64_t> needed{passed_};
  if (!reference_) needed.insert(0);
  if (const auto version = run_.version()) needed.insert(*version);
  versions_.keep(std::move(needed));
}

void AuditDesk::tick(double now_s) {
  if (stopped_) return;
  now_s_ = now_s;
  if (std::exchange(newest_, versions_.announced()) != versions_.announced() || seams_.learning())
    quiet_since_s_ = now_s;
  run_.tick(now_s);
  if (const auto result = run_.take_result()) conclude(*result);
  if (run_.under_way()) return;
  if (!catch_up()) return;
  const auto old = versions_.candidate();
  if (old != 0 && old < std::max(fresh_from_, resumed_as_)) versions_.refuse(seams_.dispatched());
  const auto next = due();
  if (!next) return;
  run_.begin(*next, now_s);
  keep_needed();
}

/// What a hold is there for may be in the steps that a restart takes again: none of its candidates is asked about, or
/// announced, before the newest.
bool AuditDesk::catch_up() {
  if (!catching_up_ || !reference_) return true;
  if (seams_.catching_up()) return false;
  catching_up_ = false;
  resumed_as_ = seams_.dispatched().number;
  return true;
}

void AuditDesk::went_back(std::int64_t version, std::int64_t restored) {
  ++view_.trainer_rollbacks;
  fresh_from_ = version;
  restored_ = restored;
}

void AuditDesk::stop() {
  stopped_ = true;
  run_.cancel();
}

void AuditDesk::conclude(const HeldOutResult& result) {
  view_.version = result.version;
  if (!reference_) {
    reference_ = result.outcomes;
    view_.sets = as_reference(run_.cases(), result.outcomes, result.version);
  } else {
    view_.sets = compare(run_.cases(), *reference_, result.outcomes, result.version, config_.margin);
  }
  for (AuditRecord& one : view_.sets) one.source = "online_rl";
  journal_.save_audit(view_.sets);
  std::string what = to_text(view_.sets);
  if (result.unanswered > 0)
    what += "; " + std::to_string(result.unanswered) + " cases without a reply, the first: " + result.error;
  seams_.log("audit of " + named(result.version) + ": " + what);
  if (view_.sets.front().result == "reference")
    take_reference();
  else if (any_failed(view_.sets))
    fail(result.version, what);
  else
    pass(result.version);
  seams_.audited(view_);
}

bool AuditDesk::watched(const std::string& set) const {
  return std::any_of(run_.cases().begin(), run_.cases().end(),
                     [&](const HeldOutCase& one) { return one.set == set && one.watched; });
}

void AuditDesk::take_reference() {
  for (const AuditRecord& one : view_.sets)
    if (one.passed < least_cases && !watched(one.set))
      seams_.log("warning: version 0 passes only " + std::to_string(one.passed) + " cases of set " + one.set +
                 ": fewer than " + std::to_string(least_cases) + " can show no loss");
  keep_needed();
}

void AuditDesk::pass(std::int64_t version) {
  ++view_.passed;
  passed_ = audited_ = version;
  set_good(version);
  keep_needed();
  if (versions_.candidate() != version) return;
  versions_.admit(seams_.dispatched());
  set_hold("");
  seams_.log(named(version) + " passed its audit and is announced; serving is no longer held");
  journal_.save_event("audit_release", named(version) + " passed its audit and was announced");
}

void AuditDesk::fail(std::int64_t version, const std::string& what) {
  ++view_.failed;
  const std::string reason = named(version) + " failed its audit: " + what;
  if (versions_.candidate() == version) {
    versions_.refuse(seams_.dispatched());
    going_back_ = true;
    if (version == fresh_from_) set_good(restored_ - 1);  // those weights are not good, either
    seams_.log("warning: a candidate failed, too: the trainers go back to " + named(good_) + " or before");
    seams_.go_back(good_);
  } else {
    ++view_.rollbacks;
    versions_.hold(passed_);
    seams_.log("warning: serving goes back to " + named(passed_) + " and is held there until a version passes");
  }
  set_hold(reason);
  journal_.save_event("audit_hold", "serving is held at " + named(versions_.announced()) + ": " + reason);
}

void AuditDesk::set_good(std::int64_t version) {
  good_ = version;
  journal_.put(good_key, std::to_string(good_));
}

void AuditDesk::set_hold(const std::string& reason) {
  view_.held_version = reason.empty() ? -1 : versions_.announced();
  view_.held_reason = reason;
  journal_.put(hold_key, reason);
}

}  // namespace clawrl
