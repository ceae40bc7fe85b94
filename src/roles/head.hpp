#pragma once
// The head: rank 0's own threads. It answers HTTP, keeps sessions and the journal, and drives judging, steps, versions
// and checkpoints. Everything below runs on one thread (the caller of run()); ChatService's calls come from I/O threads
// and are handed over.
//
//   RequestDesk (requests) -> JudgeDesk (verdicts) -> StepDesk (samples, steps) -> VersionDesk (weights back)
//                                                        `-> CheckpointDesk
//   AuditDesk (held-out scores of versions) -> VersionDesk
//   FeedbackDesk (explicit feedback) -> JudgeDesk;  UserDataDesk (export, erasure, retention)

#include <atomic>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "frontend/http_server.hpp"
#include "roles/audit_desk.hpp"
#include "roles/checkpoint_desk.hpp"
#include "roles/feedback_desk.hpp"
#include "roles/judge_desk.hpp"
#include "roles/learning_facts.hpp"
#include "roles/rank_context.hpp"
#include "roles/request_desk.hpp"
#include "roles/step_desk.hpp"
#include "roles/trainer_rollback.hpp"
#include "roles/user_data_desk.hpp"
#include "roles/version_desk.hpp"
#include "samples/earlier_hints.hpp"

namespace clawrl {

class Head : public ChatService {
 public:
  /// Creates or opens the journal in run.out. `configuration`: the resolved settings as text, kept on record.
  /// Throws UserError, e.g. when run.out holds another run and run.resume is off.
  Head(const RankContext& context, std::string configuration);
  ~Head() override;

  /// Serves (and learns, or replays) until `stop` is set or run.max_steps is reached, then shuts the job down in order:
  /// stop accepting, let replies finish, journal, checkpoint, Stop to all ranks. Returns the exit code.
  int run(const std::atomic<bool>& stop);

  std::uint64_t start(ChatRequest request, std::shared_ptr<ChatSink> sink) override;
  void cancel(std::uint64_t ticket) override;
  std::vector<ModelCard> models() override;
  void tokenize(TokenizeRequest request, Answer<std::vector<TokenId>> answer) override;
  void detokenize(std::vector<TokenId> ids, Answer<std::string> answer) override;
  std::string health() override;
  std::string ready() override;
  std::string unrecorded() override;
  std::string metrics_text() override;
  std::string status_json() override;
  void feedback(FeedbackRequest request, Answer<FeedbackReceipt> answer) override;
  void export_user(UserDataRequest request, Answer<UserExport> answer) override;
  void erase_user(UserDataRequest request, Answer<ErasureReport> answer) override;

 private:
  // head.cpp: what happens while it runs
  void handle(const Envelope& envelope);
  void on_ready(int rank, const messages::Ready& ready);
  void on_linked(LinkedTurn linked);
  void on_ended(EndedTurn ended);
  bool silence_approves() const { return config_.samples.weighting.silence_weight > 0; }
  void judge_silence(Turn turn);
  FeedbackDesk::Seams feedback_seams();
  void on_judged(const Turn& turn, Verdict verdict);
  void on_sampled(const Turn& turn, const Verdict& verdict, const std::string& reason);
  void watch(const Turn& turn, const Verdict& verdict);
  void on_step(const messages::StepDone& done);
  void on_first_token(const LineVersion& version, double seconds);
  void tick();
  bool finished(bool stop_requested) const;
  bool learns() const;  // and can record what it does
  // head_status.cpp
  bool learning_under_way() const;
  bool learning_busy() const;  // or audits of what was learned are
  void publish_status();
  // head_audits.cpp
  void make_audit_desk();
  void on_audited(const AuditView& view);
  void make_rollback();
  void on_rolled_back(const Checkpoint& checkpoint, std::int64_t version);
  void resume_audits(std::int64_t version);
  AuditView audit_view() const { return audits_ ? audits_->view() : AuditView(); }
  // head_lifecycle.cpp: how it begins and ends
  std::int32_t served_context() const;
  void make_desks();
  void make_feedback_desk();
  void make_user_data_desk();
  void copy_journal(bool make);
  RunState run_state() const;
  void wait_for(const char* what, double limit_s, const std::function<bool()>& done);
  void wait_for_ranks();
  void resume();
  // head_lines.cpp
  std::int64_t served_version(const Turn& turn);
  void rebase(const std::string& line);
  void publish_restored();
  // head_sessions.cpp
  static SessionLimits session_limits(const SessionConfig& session);
  void restore_sessions();
  void restore_closed(const std::string& session, double now);
  void judge_late();
  void open_http();
  void shut_down();
  void log(const std::string& line);

  RankContext context_;
  const RunConfig& config_;
  std::string configuration_, base_id_, adapter_id_;
  EventLoop loop_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<JournalReader> replay_;
  std::unique_ptr<JsonlWriter> metrics_;
  ServiceMeter meter_;
  EarlierHints earlier_hints_;
  LearningFacts learning_facts_;
  LearningMonitor learning_;
  const HttpSettings http_settings_;
  const std::shared_ptr<const Redactor> redactor_;
  SessionStore sessions_;
  ModelConfig model_;
  std::unique_ptr<RequestDesk> requests_;
  std::unique_ptr<JudgeDesk> judges_;
  std::unique_ptr<StepDesk> steps_;
  std::unique_ptr<VersionDesk> versions_;
  std::unique_ptr<AuditDesk> audits_;  // nullptr = no audits
  std::unique_ptr<CheckpointDesk> checkpoints_;
  std::unique_ptr<TrainerRollback> rollback_;  // where there are audits
  std::unique_ptr<FeedbackDesk> feedback_;
  std::unique_ptr<UserDataDesk> user_data_;
  std::mutex copy_mutex_;
  std::unique_ptr<HttpServer> http_;

  std::set<std::string> missing_;  // "rank 3 (trainer)": not ready yet
  bool restored_ = false, stopping_ = false, failure_told_ = false;
  std::map<TurnId, Turn> open_turns_;  // answered, next state unknown
  std::deque<TurnId> late_;            // linked after their sessions ended, to be judged
  std::future<std::optional<Turn>> late_read_;
  std::unordered_map<TurnId, double> feedback_at_;                          // Unix seconds; judged and not trained yet
  std::map<std::string, std::map<std::int64_t, double>> trained_feedback_;  // line, version -> oldest feedback it is
                                                                            // the first to know
  double next_second_ = 0;
  std::atomic<std::uint64_t> tickets_{0};
  std::mutex status_mutex_;
  std::string status_, metrics_text_;
};

}  // namespace clawrl
