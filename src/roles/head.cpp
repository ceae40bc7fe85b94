#include "roles/head.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "roles/head_metrics.hpp"
#include "samples/request_type.hpp"

namespace clawrl {

std::uint64_t Head::start(ChatRequest request, std::shared_ptr<ChatSink> sink) {
  const std::uint64_t ticket = ++tickets_;
  loop_.post([this, ticket, request = std::move(request), sink = std::move(sink)] {
    requests_->start(ticket, request, sink);
  });
  return ticket;
}

void Head::cancel(std::uint64_t ticket) {
  loop_.post([this, ticket] { requests_->cancel(ticket); });
}

void Head::tokenize(TokenizeRequest request, Answer<std::vector<TokenId>> answer) {
  loop_.post(
      [this, request = std::move(request), answer = std::move(answer)] { answer(requests_->tokenize(request)); });
}

void Head::detokenize(std::vector<TokenId> ids, Answer<std::string> answer) {
  loop_.post([this, ids = std::move(ids), answer = std::move(answer)] { answer(requests_->detokenize(ids)); });
}

std::vector<ModelCard> Head::models() {
  return {{config_.model.name, served_context(), 0}};
}

/// As the rollout ranks' engines have it: a lone sequence must fit into the cache.
std::int32_t Head::served_context() const {
  const auto& rollout = config_.rollout;
  const std::int64_t slots = std::int64_t{rollout.blocks} * rollout.block_size;
  const std::int64_t able = std::min(slots, context_length(model_));
  return static_cast<std::int32_t>(rollout.max_context > 0 ? std::min<std::int64_t>(rollout.max_context, able) : able);
}

std::string Head::health() {
  return {};
}

std::string Head::ready() {
  const std::string failure = journal_->failure();
  return config_.run.unrecorded == "refuse" ? failure : std::string();
}

std::string Head::unrecorded() {
  return journal_->failure();
}

std::string Head::metrics_text() {
  const std::lock_guard lock(status_mutex_);
  return metrics_text_;
}

bool Head::learns() const {
  return context_.learning && !journal_->failed();
}

std::string Head::status_json() {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

void Head::handle(const Envelope& envelope) {
  switch (envelope.type) {
    case messages::Ready::type_id:
      return on_ready(envelope.source, envelope.open<messages::Ready>());
    case messages::Deltas::type_id: {
      const std::vector<CompletionDelta> deltas = envelope.open<messages::Deltas>().deltas;
      if (audits_) audits_->take(deltas);
      return requests_->take(deltas);
    }
    case messages::TextScored::type_id:
      if (audits_) audits_->take(envelope.open<messages::TextScored>());
      return;
    case messages::PromptScored::type_id:
      return requests_->take(envelope.open<messages::PromptScored>());
    case messages::Judged::type_id:
      return judges_->take(envelope.open<messages::Judged>().verdict);
    case messages::StepDone::type_id:
      return steps_->take(envelope.open<messages::StepDone>());
    case messages::VersionComplete::type_id:
      return versions_->complete(envelope.source, envelope.open<messages::VersionComplete>(), steps_->dispatched());
    case messages::ShardWritten::type_id:
      return checkpoints_->take(envelope.open<messages::ShardWritten>());
    case messages::Restored::type_id:
      restored_ = true;
      if (rollback_) rollback_->take(envelope.open<messages::Restored>());
      return;
    default:
      throw InternalError("head got message type " + std::to_string(envelope.type));
  }
}

void Head::on_ready(int rank, const messages::Ready& ready) {
  missing_.erase("rank " + std::to_string(rank) + " (" + ready.role + ")");
  if (base_id_.empty()) base_id_ = ready.model;
  require(base_id_ == ready.model, "rank " + std::to_string(rank) + " (" + ready.role + ") loaded other weights from " +
                                       config_.model.policy + " than the ranks before it");
}

void Head::on_linked(LinkedTurn linked) {
  if (journal_->failed()) return;
  journal_->save_next_state(linked.id, linked.next_state);
  const auto found = open_turns_.find(linked.id);
  if (found == open_turns_.end()) {
    if (linked.late && context_.learning) late_.push_back(linked.id);
    return;
  }
  Turn turn = std::move(found->second);
  open_turns_.erase(found);
  turn.next_state = std::move(linked.next_state);
  turn.state = TurnState::judging;
  journal_->advance_turn(turn.id, TurnState::judging);
  feedback_at_[turn.id] = unix_s();
  judges_->submit(std::move(turn), 0);
}

/// Nobody answered: a weak approval that is not asked about. The PRM rank adds what a KL term needs.
void Head::judge_silence(Turn turn) {
  GivenVerdict approval;
  approval.vote = 1;
  approval.ask_hints = false;
  approval.origin = "silence";
  turn.state = TurnState::judging;
  judges_->submit(std::move(turn), 0, std::move(approval));
}

void Head::on_ended(EndedTurn ended) {
  const bool approved = silence_approves() && !ended.superseded && learns() && open_turns_.contains(ended.id);
  if (ended.superseded)
    journal_->advance_turn(ended.id, TurnState::excluded, "superseded");
  else if (approved)
    journal_->advance_turn(ended.id, TurnState::judging);
  else
    journal_->advance_turn(ended.id, TurnState::expired);
  const auto found = open_turns_.find(ended.id);
  if (found == open_turns_.end()) return;
  if (approved)
    judge_silence(std::move(found->second));
  else if (config_.session.judge_without_next_state && !ended.superseded && learns())
    judges_->submit(std::move(found->second), 0);
  else
    feedback_->no_prm_verdict(ended.id);
  open_turns_.erase(found);
}

void Head::on_judged(const Turn& turn, Verdict verdict) {
  meter_.add_verdict(verdict);
  if (journal_->failed()) return;
  if (compares_hints(config_)) earlier_hints_.add(turn, verdict);
  if (verdict.revision > 0) return feedback_->judged(turn, std::move(verdict));
  journal_->save_verdict(verdict);
  const auto revision = feedback_->prm_revision(verdict);
  if (!revision) return;  // what the user said counts
  if (*revision > 0) {
    verdict.revision = *revision;
    journal_->save_verdict(verdict);
  }
  steps_->add(turn, verdict);
}

void Head::on_sampled(const Turn& turn, const Verdict& verdict, const std::string& reason) {
  watch(turn, verdict);
  if (reason.empty()) return;
  ++meter_.excluded[reason];
  feedback_at_.erase(turn.id);
}

/// What the turn says about how learning goes.
void Head::watch(const Turn& turn, const Verdict& verdict) {
  if (verdict.origin == "silence") return;  // nobody's opinion
  const JudgedFacts facts = learning_facts_.of(turn, verdict, steps_->last_advantage());
  for (const LearningAlarm& alarm : learning_.add(policy_line(config_.policy, turn), request_type(turn), facts)) {
    const std::string text = alarm.name + (alarm.on ? " begins: " : " is over: ") + alarm.text + " (policy line " +
                             alarm.line + ", requests of type " + alarm.type + ")";
    log("learning alarm: " + text);
    journal_->save_event("learning_alarm", text);
    metrics_->write("learning_alarm",
                    {{"alarm", alarm.name}, {"line", alarm.line}, {"type", alarm.type}, {"on", alarm.on}});
  }
}

void Head::on_step(const messages::StepDone& done) {
  meter_.add_step(done.metrics);
  if (!done.error.empty()) {
    ++meter_.steps_refused;
    log("warning: step " + std::to_string(done.metrics.step) + " was refused: " + done.error);
  }
  MetricFields fields = fields_of(done.metrics);
  fields.emplace_back("line", steps_->line());
  for (std::size_t i = 0; i < done.metrics.kinds.size(); ++i) {
    const KindMetrics& kind = done.metrics.kinds[i];
    learning_.add_step(steps_->line(), steps_->last_types().at(i),
                       kind.tokens > 0 ? std::optional(kind.approx_kl) : std::nullopt,
                       kind.gap_tokens > 0 ? std::optional(kind.gap_mean) : std::nullopt);
  }
  metrics_->write("step", fields);
  double oldest = 0;
  for (TurnId id : steps_->last_fresh()) {
    feedback_->taken(id);
    const auto found = feedback_at_.find(id);
    if (found == feedback_at_.end()) continue;
    if (oldest == 0 || found->second < oldest) oldest = found->second;
    feedback_at_.erase(found);
  }
  if (oldest > 0) trained_feedback_[steps_->line()][done.metrics.version] = oldest;
  versions_->made({done.metrics.version, steps_->line()}, steps_->dispatched(), done.finished_s);
  if (config_.policy.stacked()) rebase(shared_line);
  checkpoints_->step_done(done.metrics.step, monotonic_s());
  log("step " + std::to_string(done.metrics.step) + " version " + std::to_string(done.metrics.version) + " loss " +
      std::to_string(done.metrics.loss) + " samples " + std::to_string(done.metrics.samples) + " gap " +
      std::to_string(done.metrics.gap_mean) + " weights " + done.weights_hash);
}

void Head::on_first_token(const LineVersion& version, double seconds) {
  metrics_->write("first_token", {{"version", version.number}, {"seconds_from_step_end", seconds}});
  auto& trained = trained_feedback_[version.line];
  const auto end = trained.upper_bound(version.number);
  for (auto it = trained.begin(); it != end; ++it) meter_.feedback_to_behaviour_s.add(unix_s() - it->second);
  trained.erase(trained.begin(), end);
}

void Head::tick() {
  const double now = monotonic_s();
  if (context_.learning) {
    steps_->tick(now);
    checkpoints_->tick();
    judges_->tick(now);
    judge_late();
    versions_->tick(now);
    if (audits_) audits_->tick(now);
    if (rollback_) rollback_->tick(now);
  }
  if (journal_->failed() && !std::exchange(failure_told_, true))
    log(journal_->failure() + "; run.unrecorded = " + config_.run.unrecorded + ", learning pauses");
  user_data_->tick(now);
  if (now < next_second_) return;
  next_second_ = now + 0.5;
  for (const EndedTurn& ended : sessions_.expire(now)) on_ended(ended);
  feedback_->tick();
  publish_status();
}

bool Head::finished(bool stop_requested) const {
  if (stop_requested) return true;
  if (!context_.learning || steps_->busy()) return false;
  if (replay_ && !steps_->recorded_steps_left()) return true;
  return config_.run.max_steps > 0 && meter_.steps >= config_.run.max_steps;
}

}  // namespace clawrl
