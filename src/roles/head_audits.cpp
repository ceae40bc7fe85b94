// Audits of versions: how the desk is made, and what the head says of each.

#include <functional>
#include <map>

#include "core/error.hpp"
#include "roles/baseline_text.hpp"
#include "roles/clock.hpp"
#include "roles/head.hpp"
#include "roles/model_tokenizer.hpp"

namespace clawrl {
namespace {

using Log = std::function<void(const std::string& line)>;

std::vector<HeldOutCase> chosen_cases(const RunConfig& config, const Log& log) {
  const AuditConfig& audit = config.audit;
  std::vector<HeldOutCase> cases = draw_cases(read_held_out(audit.heldout), audit.cases, config.run.seed);
  const auto judged = [](const HeldOutCase& one) { return one.judged.has_value(); };
  if (const auto out = config.prm.evaluator == "self" ? 0 : std::erase_if(cases, judged); out > 0)
    log("audits leave out " + std::to_string(out) + " judged turns: prm.evaluator = " + config.prm.evaluator +
        ", which no version changes");
  require(!cases.empty(), "audit.heldout " + audit.heldout + ": holds judged turns only, which versions are asked " +
                              "about with prm.evaluator = self, not " + config.prm.evaluator);
  std::map<std::string, std::int64_t> sets;
  for (const HeldOutCase& one : cases)
    if (!one.watched) ++sets[one.set];
  for (const auto& [name, count] : sets)
    require(count >= least_cases, "audit.heldout " + audit.heldout + ": set " + name + " has " + std::to_string(count) +
                                      " cases: at least " + std::to_string(least_cases) +
                                      " are needed to tell a loss from chance");
  return cases;
}

}  // namespace

void Head::make_audit_desk() {
  const AuditConfig& audit = config_.audit;
  if (audit.every_versions == 0 || replay_) return;
  const ModelFolders& model = config_.model;
  const Log say = [this](const std::string& line) { log(line); };
  HeldOutRunSettings settings;
  settings.rollouts = context_.map.ranks(Role::rollout);
  settings.context = served_context();
  settings.max_tokens = config_.rollout.max_tokens;
  settings.temperature = config_.rollout.temperature;
  settings.judge = judge_settings(config_, {});
  settings.seed = config_.run.seed;
  settings.stop_tokens = model_.eos_tokens;
  settings.format = load_reply_format(model.policy, model.chat_template, model.tool_format, model.reasoning);
  settings.concurrency = audit.concurrency;
  settings.patience_s = audit.patience_s;
  HeldOutRun run(context_.mailbox, load_tokenizer(model.policy, model_),
                 ChatTemplate::load(model.policy, model.chat_template), chosen_cases(config_, say), std::move(settings),
                 [this](int rank) { return requests_->active_on(rank); });
  AuditDesk::Seams seams;
  seams.dispatched = [this] { return steps_->dispatched(); };
  seams.catching_up = [this] { return steps_->recorded_steps_left(); };
  seams.learning = [this] { return learning_under_way(); };
  seams.log = say;
  seams.audited = [this](const AuditView& view) { on_audited(view); };
  seams.go_back = [this](std::int64_t good) { rollback_->begin(good); };
  audits_ = std::make_unique<AuditDesk>(*journal_, *versions_, std::move(run), audit, std::move(seams));
}

void Head::make_rollback() {
  TrainerRollback::Seams seams;
  seams.log = [this](const std::string& line) { log(line); };
  seams.restored = [this](const Checkpoint& from, std::int64_t version) { on_rolled_back(from, version); };
  seams.ended = [this] { audits_->way_back_ended(); };
  rollback_ = std::make_unique<TrainerRollback>(context_.mailbox, *journal_, *steps_, *checkpoints_,
                                                config_.run.out + "/checkpoints", context_.map.ranks(Role::trainer),
                                                std::move(seams));
}

/// What is known of users stays known; the mean reward is that of the policy.
void Head::on_rolled_back(const Checkpoint& checkpoint, std::int64_t version) {
  const auto baseline = checkpoint.state.rng.find("baseline");
  if (baseline != checkpoint.state.rng.end()) steps_->baseline().restore(baseline_from(baseline->second));
  versions_->made(version, steps_->dispatched(), unix_s());
  audits_->went_back(version, checkpoint.state.version.number);
  trained_feedback_.erase(shared_line);  // that is not behind the new version
  journal_->save_event("trainers_back",
                       "the trainers went back to " + checkpoint.path + " as version " + std::to_string(version));
}

void Head::on_audited(const AuditView& view) {
  for (const AuditRecord& one : view.sets)
    metrics_->write("audit", {{"version", one.version},
                              {"set", one.set},
                              {"cases", one.cases},
                              {"passed", one.passed},
                              {"lost", one.lost},
                              {"gained", one.gained},
                              {"loss", one.loss},
                              {"result", one.result},
                              {"held_version", view.held_version}});
}

void Head::resume_audits(std::int64_t version) {
  const auto back = StepDesk::newest_way_back(*journal_);
  if (back && version < back->version) {
    const std::string what = "the checkpoint of version " + std::to_string(version) +
                             " is from before the trainers went back after step " + std::to_string(back->step) +
                             ": steps that were given up are taken again";
    log("warning: " + what);
    if (audits_) AuditDesk::note_hold(*journal_, what);
  }
  if (audits_) return audits_->resume();
  if (AuditDesk::forget_hold(*journal_))
    log("warning: serving was held when the run ended; audit.every_versions = 0, so that it is not any more");
}

}  // namespace clawrl
