#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "core/error.hpp"
#include "prm/judge.hpp"
#include "roles/adapter_id.hpp"
#include "roles/baseline_text.hpp"
#include "roles/clock.hpp"
#include "roles/head.hpp"
#include "roles/http_setup.hpp"
#include "roles/model_tokenizer.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
constexpr double start_limit_s = 300, drain_limit_s = 20, end_limit_s = 120, way_back_limit_s = 900,
                 judge_patience = 2;  // the judge's own limit runs from when it begins with a turn

/// A start that failed before its first request leaves a journal too; that is not a run.
bool holds_run(const std::string& journal) {
  if (!fs::exists(journal)) return false;
  const JournalSummary summary = JournalReader(journal).summary();
  return !summary.turns.empty() || summary.steps_planned > 0 || summary.events > 0;
}

std::unique_ptr<Journal> open_journal(const RunConfig& config, bool learning) {
  std::error_code error;
  fs::create_directories(config.run.out, error);
  require(!error, "run.out: cannot make the folder " + config.run.out + ": " + error.message());
  const std::string path = config.run.journal.empty() ? config.run.out + "/journal.sqlite" : config.run.journal;
  require(!learning || config.run.resume || !holds_run(path),
          config.run.out + " holds a run already: go on with it (--resume) or choose another folder (--out)");
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit is a failed write, as on a full disk
  return std::make_unique<Journal>(path, AfterFailure::drops);
}

/// A journal with steps and without a note is from before there were lines.
void require_same_lines(const JournalReader& journal, const PolicyConfig& policy) {
  if (journal.last_planned_step() == 0) return;
  const std::string known = journal.get("policy_lines").value_or("shared");
  require(known == policy.lines, "policy.lines = " + policy.lines + ": the journal " + journal.path() +
                                     " is of a run with policy.lines = " + known +
                                     "; allowed is the same, or another run.out");
}

}  // namespace

Head::Head(const RankContext& context, std::string configuration)
    : context_(context),
      config_(context.config),
      configuration_(std::move(configuration)),
      journal_(open_journal(config_, context_.learning)),
      http_settings_(http_settings(config_.http)),
      redactor_(std::make_shared<Redactor>(RedactionSettings{config_.privacy.redact, config_.privacy.patterns_file})),
      sessions_(session_limits(config_.session)),
      model_(read_model_config(config_.model.policy)) {
  if (context_.learning) adapter_id_ = adapter_id(config_.trainer.lora);
  metrics_ = std::make_unique<JsonlWriter>(config_.run.out + "/metrics.jsonl");
  journal_->put("configuration", configuration_);
  if (!config_.run.replay.empty()) replay_ = std::make_unique<JournalReader>(config_.run.replay);
  for (Role role : {Role::trainer, Role::rollout, Role::prm})
    if (context_.learning || role == Role::rollout)
      for (int rank : context_.map.ranks(role))
        missing_.insert("rank " + std::to_string(rank) + " (" + name(role) + ")");
  make_desks();
  context_.mailbox.on_message(Port::head, [this](Envelope envelope) {
    loop_.post([this, held = std::make_shared<Envelope>(std::move(envelope))] { handle(*held); });
  });
}

Head::~Head() = default;

void Head::make_desks() {
  RequestDeskSettings settings;
  settings.model = config_.model.name;
  settings.context = served_context();
  settings.vocabulary = model_.vocab_size;
  settings.max_queue = config_.http.max_queue;
  settings.refuse_unrecorded = config_.run.unrecorded == "refuse";
  settings.rollout = config_.rollout;
  settings.stop_tokens = model_.eos_tokens;
  const ModelFolders& model = config_.model;
  settings.reply_format = load_reply_format(model.policy, model.chat_template, model.tool_format, model.reasoning);
  settings.record_top_k = context_.learning ? recorded_top_k(config_) : 0;
  settings.seed = config_.run.seed;
  settings.rollout_ranks = context_.map.ranks(Role::rollout);
  settings.redactor = redactor_;
  settings.learning = learning_named(config_.privacy.learning);
  const bool lines = context_.learning && config_.policy.per_user();
  if (lines) settings.version = [this](const Turn& turn) { return served_version(turn); };
  const std::vector<int> trainers = context_.map.ranks(Role::trainer);
  RequestDesk::Events events;
  events.linked = [this](LinkedTurn linked) { on_linked(std::move(linked)); };
  events.answered = [this](const Turn& turn) {
    if (learns()) open_turns_.emplace(turn.id, turn);
    feedback_->answered(turn);
  };
  events.ended = [this](EndedTurn ended) { on_ended(ended); };
  events.token = [this](std::int64_t version) {
    if (versions_) versions_->token(version);
  };
  events.committing = [this] { return versions_ && versions_->committing(); };
  events.warn = [this](const std::string& line) { log("warning: " + line); };
  requests_ = std::make_unique<RequestDesk>(
      context_.mailbox, *journal_, sessions_, meter_, load_tokenizer(config_.model.policy, model_),
      ChatTemplate::load(config_.model.policy, config_.model.chat_template), settings, std::move(events));
  make_feedback_desk();
  make_user_data_desk();
  if (!context_.learning) return;
  judges_ = std::make_unique<JudgeDesk>(context_.mailbox, context_.map.ranks(Role::prm),
                                        judge_patience * config_.prm.timeout_s,
                                        [this](const Turn& turn, Verdict v) { on_judged(turn, std::move(v)); });
  if (compares_hints(config_)) {
    judges_->in_order = true;
    judges_->earlier_hints = [this](const Turn& turn) { return earlier_hints_.before(turn); };
  }
  steps_ = std::make_unique<StepDesk>(context_.mailbox, *journal_, config_, trainers,
                                      [this](const messages::StepDone& done) { on_step(done); });
  steps_->on_sampled = [this](const Turn& turn, const Verdict& verdict, const std::string& reason) {
    on_sampled(turn, verdict, reason);
  };
  steps_->generating = [this](const GroupKey& group) {
    return requests_->generating([&](const Turn& turn) {
      return turn.completion_id.starts_with(group.request) && group_of(turn) == group;
    }) != nullptr;
  };
  VersionDeskSettings versions;
  versions.trainers = trainers;
  versions.rollouts = context_.map.ranks(Role::rollout);
  if (prms_follow_policy(config_)) versions.teachers = context_.map.ranks(Role::prm);
  versions.keep_versions = config_.weights.keep_versions;
  versions.keep_base_on_teachers = needs_base_version(config_);
  versions.keep_base = lines;
  versions_ = std::make_unique<VersionDesk>(context_.mailbox, *journal_, meter_, versions);
  versions_->on_pushed = [this](const LineVersion& version) { steps_->pushed(version); };
  versions_->on_announced = [this](std::int64_t version, std::int64_t bytes, double seconds) {
    metrics_->write("commit", {{"version", version}, {"bytes", bytes}, {"seconds_from_step_end", seconds}});
  };
  versions_->on_first_token = [this](const LineVersion& version, double seconds) { on_first_token(version, seconds); };
  steps_->on_line_dropped = [this](const std::string& line) { versions_->drop(line); };
  make_audit_desk();
  checkpoints_ = std::make_unique<CheckpointDesk>(
      context_.mailbox, config_.checkpoint, config_.run.out + "/checkpoints", trainers, [this] { return run_state(); },
      [this](const std::string& line) { log(line); });
  checkpoints_->also_save = [this] { copy_journal(true); };
  if (!audits_) return;
  checkpoints_->good_version = [this] { return audits_->good(); };
  make_rollback();
}

RunState Head::run_state() const {
  RunState state;
  state.step = steps_->step();
  state.version = {"main", steps_->version(), base_id_, adapter_id_};
  state.journal_watermark = journal_->watermark();
  state.seed = config_.run.seed;
  state.rng["baseline"] = baseline_text(steps_->baseline().state());
  state.rng["feedback_weights"] = steps_->weights().text();
  if (config_.policy.per_user()) state.rng["policy_lines"] = steps_->lines().text();
  state.configuration = configuration_;
  state.base_model_hash = base_id_;
  state.clawrl_version = CLAWRL_VERSION;
  return state;
}

void Head::wait_for(const char* what, double limit_s, const std::function<bool()>& done) {
  for (const double end = monotonic_s() + limit_s; !done();) {
    require(monotonic_s() < end, std::string("head waited too long for ") + what);
    loop_.run(20ms);
    if (!stopping_ || context_.learning) tick();
  }
}

void Head::wait_for_ranks() {
  for (const double end = monotonic_s() + start_limit_s; !missing_.empty();) {
    std::string names;
    for (const std::string& one : missing_) names += (names.empty() ? "" : ", ") + one;
    require(monotonic_s() < end, "not ready after " + std::to_string(static_cast<int>(start_limit_s)) + " s: " + names);
    loop_.run(20ms);
  }
}

void Head::resume() {
  const std::string root = config_.run.out + "/checkpoints";
  for (const std::string& leftover : remove_leftovers(root)) log("removed an unfinished checkpoint: " + leftover);
  const auto known = journal_->get("base_model");
  require(!known || *known == base_id_,
          "the journal belongs to other base weights than " + config_.model.policy + " holds");
  journal_->put("base_model", base_id_);
  const auto adapter = config_.run.resume ? journal_->get("adapter") : std::nullopt;
  if (adapter) require_same_adapter("the journal " + journal_->path(), *adapter, adapter_id_);
  journal_->put("adapter", adapter_id_);
  require_same_lines(*journal_, config_.policy);
  if (replay_) require_same_lines(*replay_, config_.policy);
  if (const auto back = replay_ ? StepDesk::newest_way_back(*replay_) : std::nullopt)
    throw UserError("run.replay: after step " + std::to_string(back->step) + " of " + config_.run.replay +
                    " its trainers went back to a checkpoint, which no journal holds");
  journal_->put("policy_lines", config_.policy.lines);
  const auto loaded = config_.run.resume ? load_newest(root, config_.checkpoint.strict) : std::nullopt;
  std::int64_t step = 0, version = 0;
  std::string known_lines;
  if (loaded) {
    for (const std::string& warning : loaded->warnings) log("warning: " + warning);
    const Checkpoint& checkpoint = loaded->checkpoint;
    const std::string& trained = checkpoint.state.version.adapter_id;  // else the tensors' names tell
    if (!trained.empty()) require_same_adapter("the checkpoint " + checkpoint.path, trained, adapter_id_);
    require(replay_ || journal_->watermark() >= checkpoint.state.journal_watermark,
            "the journal " + journal_->path() + " is older than the checkpoint " + checkpoint.path +
                ": samples could be trained twice; bring its newer copy or remove the checkpoint");
    step = checkpoint.state.step;
    version = checkpoint.state.version.number;
    for (int rank : context_.map.ranks(Role::trainer))
      context_.mailbox.send(rank, Port::trainer, messages::Restore{checkpoint.path});
    wait_for("the trainers to restore", start_limit_s, [&] { return restored_; });
    const auto baseline = checkpoint.state.rng.find("baseline");
    if (baseline != checkpoint.state.rng.end()) steps_->baseline().restore(baseline_from(baseline->second));
    const auto weights = checkpoint.state.rng.find("feedback_weights");
    if (weights != checkpoint.state.rng.end()) steps_->weights().restore(weights->second);
    const auto found_lines = checkpoint.state.rng.find("policy_lines");
    if (found_lines != checkpoint.state.rng.end()) known_lines = found_lines->second;
    log("resumed from " + checkpoint.path + ", step " + std::to_string(step));
  }
  steps_->resume_from(step, version, replay_ ? replay_.get() : journal_.get(), replay_ != nullptr, known_lines);
  if (config_.run.resume && !replay_) resume_audits(version);
  publish_restored();
  wait_for("the restored weights to reach every rank", start_limit_s, [&] { return versions_->settled(); });
  if (config_.run.resume && !replay_) restore_sessions();
  if (config_.run.resume && !replay_) feedback_->restore();
  if (audits_ && !loaded) checkpoints_->begin();  // where the trainers can go back to
}

void Head::open_http() {
  publish_status();
  http_ = std::make_unique<HttpServer>(http_settings_, *this);
  log("serving on " + http_->url() + "/v1 as " + config_.model.name);
}

int Head::run(const std::atomic<bool>& stop) {
  wait_for_ranks();
  if (context_.learning) resume();
  if (!replay_) open_http();
  while (!finished(stop.load())) {
    loop_.run(context_.learning && steps_->busy() ? 2ms : 20ms);
    tick();
  }
  shut_down();
  return journal_->failed() || (checkpoints_ && !checkpoints_->failed().empty()) ? 1 : 0;
}

void Head::shut_down() {
  log("stopping");
  stopping_ = true;
  if (steps_) steps_->stop();
  if (audits_) audits_->stop();
  if (rollback_) rollback_->stop();
  if (http_) {
    std::atomic<bool> drained = false;
    std::jthread closing([&] {
      http_->stop(std::chrono::milliseconds(static_cast<int>(1000 * drain_limit_s)));
      drained = true;
    });
    while (!drained) {
      loop_.run(20ms);
      tick();
    }
    closing.join();
    requests_->fail_all("the server is stopping");
  }
  if (context_.learning) {
    wait_for("the last optimiser step", end_limit_s, [&] { return !steps_->busy(); });
    wait_for("the trainers to go back", way_back_limit_s, [&] { return !rollback_ || !rollback_->busy(); });
    // A rank that still receives a version answers, and after Stop nobody may be left to take the answer.
    wait_for("the last version to reach every rank", end_limit_s, [&] { return versions_->settled(); });
    wait_for("the checkpoint under way", end_limit_s, [&] { return !checkpoints_->busy(); });
    if (checkpoints_->last_step() != steps_->step()) {
      checkpoints_->begin();
      wait_for("the last checkpoint", end_limit_s, [&] { return !checkpoints_->busy(); });
    }
  }
  require(journal_->sync(60s) || journal_->failed(), "the journal was not on disk within 60 s");
  publish_status();
  metrics_->write("end", meter_.fields());
  for (int rank = 0; rank < context_.map.world_size(); ++rank)
    for (Port port : {Port::rollout, Port::prm, Port::trainer, Port::control})
      context_.mailbox.send(rank, port, messages::Stop{});
  log("stopped after step " + std::to_string(steps_ ? steps_->step() : 0));
}

void Head::log(const std::string& line) {
  std::cout << "clawrl: " << line << std::endl;
}

}  // namespace clawrl
