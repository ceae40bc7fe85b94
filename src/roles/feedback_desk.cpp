#include "roles/feedback_desk.hpp"

#include "core/error.hpp"
#include "roles/clock.hpp"

namespace clawrl {
namespace {

using namespace std::chrono_literals;

constexpr auto work_poll = 100ms;  // how soon the look-up thread sees that it shall end

ChatError unavailable(const std::string& why) {
  return {503, "server_error", "journal_failed", "", "the feedback could not be recorded: " + why};
}

CreditedTurn credited(const Turn& turn, double confidence, const std::string& learning) {
  return {turn.id.value, client_session(turn), turn.index, turn.completion_id, confidence, learning};
}

std::string word_for(const FeedbackRecord& record, const Turn& turn) {
  if (!record.stands()) return "withdrawn";
  if (record.outcome == "sampled" && turn.state == TurnState::trained) return "trained";
  return record.outcome.empty() ? "judging" : record.outcome;
}

/// Of a turn that is being generated: what is certain already.
std::string early_refusal(const Turn& turn) {
  if (turn.type == TurnType::side) return "side";
  return turn.learning == Learning::store ? "opted_out" : turn.exclusion;
}

/// Answers once `found.id` is on disk.
Journal::Durable answer_when_durable(Answer<FeedbackReceipt> answer, FeedbackReceipt receipt) {
  return [answer = std::move(answer), receipt = std::move(receipt)](std::exception_ptr failure) {
    if (failure) return answer({std::nullopt, unavailable("the journal has failed")});
    answer({receipt, {}});
  };
}

}  // namespace

FeedbackDesk::FeedbackDesk(Journal& journal, EventLoop& loop, FeedbackConfig config, bool learning, Seams seams)
    : journal_(journal), loop_(loop), config_(config), learning_(learning), seams_(std::move(seams)) {
  worker_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) work_.run(work_poll);
  });
}

FeedbackDesk::~FeedbackDesk() = default;

void FeedbackDesk::start(FeedbackRequest request, Answer<FeedbackReceipt> answer) {
  if (jobs_.size() >= most_waiting || seams_.judging() >= most_judging)
    return answer(
        {std::nullopt, {429, "rate_limit_error", "queue_full", "", "too much feedback waits to be judged; try again"}});
  jobs_.push_back({Kind::request, std::move(request), std::move(answer)});
  next_job();
}

void FeedbackDesk::next_job() {
  if (in_hand_) return;
  if (jobs_.empty() && !to_resume_.empty() && seams_.judging() < most_resumed) {
    jobs_.push_back({Kind::resume, {}, {}, to_resume_.front()});
    to_resume_.pop_front();
  }
  if (jobs_.empty()) return;
  in_hand_ = true;
  touched_.clear();
  std::optional<Turn> live;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  if (job.kind == Kind::request)
    if (const Turn* turn = seams_.generating(job.request)) live = *turn;
  work_.post([this, live, job = std::make_shared<Job>(std::move(job))] {
    auto found = std::make_shared<FeedbackLookup>();
    try {
      work(*job, live, *found);
    } catch (const std::exception& error) {
      found->error = unavailable(error.what());
    }
    loop_.post([this, job, found] { apply(std::move(*job), std::move(*found)); });
  });
}

void FeedbackDesk::work(Job& job, const std::optional<Turn>& live, FeedbackLookup& found) const {
  const FeedbackSearch search{config_.credit_threshold, unix_s()};
  if (job.kind == Kind::message) found = look_up_message(journal_, job.request, job.message, search);
  if (job.kind == Kind::message) return;
  if (job.kind == Kind::request) {
    job.request.text = seams_.redact(job.request.text);
    job.request.correction = seams_.redact(job.request.correction);
    job.request.hint = seams_.redact(job.request.hint);
    job.request.fault = seams_.redact(job.request.fault);
    found = look_up(journal_, job.request, live, search);
    return;
  }
  const std::int32_t without = job.kind == Kind::fall_back ? job.of.revision : 0;
  if (auto target = look_up_target(journal_, job.of.turn, without)) found.targets.push_back(std::move(*target));
  if (job.kind == Kind::fall_back) return;
  found.verdict = journal_.verdict(job.of);
  found.sampled = journal_.has_sample(job.of);
}

/// What the look-up saw of its turns may be out of date: then it is done again.
bool FeedbackDesk::changed_meanwhile(const FeedbackLookup& found) const {
  for (const FeedbackTarget& target : found.targets)
    if (touched_.contains(target.turn.id) || (target.generating && !seams_.still_generating(target.turn.id)))
      return true;
  return false;
}

void FeedbackDesk::apply(Job job, FeedbackLookup found) {
  in_hand_ = false;
  if (found.error.message.empty() && changed_meanwhile(found)) {
    jobs_.push_front(std::move(job));
    return next_job();
  }
  for (FeedbackTarget& target : found.targets) target.taken = target.taken || seams_.taking(target.turn.id);
  try {
    if (!found.error.message.empty()) {
      if (job.answer) job.answer({std::nullopt, found.error});
    } else if (job.kind == Kind::request || job.kind == Kind::message) {
      job.request.withdraw ? withdraw(job, found) : record(job, found);
    } else if (!found.targets.empty()) {
      if (job.kind == Kind::resume) resume(found.targets[0], job.of, found);
      if (job.kind == Kind::fall_back) {
        fall_back(found.targets[0], job.reason);
        journal_.settle_feedback(job.of, job.reason);
      }
    } else if (job.kind == Kind::resume) {
      journal_.settle_feedback(job.of, "lost");  // the turn never reached the journal
    }
  } catch (const UserError& error) {  // the journal has failed; serving goes on
    if (job.answer) job.answer({std::nullopt, unavailable(error.what())});
  }
  next_job();
}

void FeedbackDesk::record(Job& job, const FeedbackLookup& found) {
  FeedbackReceipt receipt{found.id, "accepted", {}, {}};
  if (!found.earlier.empty()) {
    receipt.status = "duplicate";
    for (std::size_t i = 0; i < found.earlier.size() && i < found.targets.size(); ++i)
      receipt.turns.push_back(credited(found.targets[i].turn, found.earlier[i].confidence,
                                       word_for(found.earlier[i], found.targets[i].turn)));
    if (job.answer) job.answer({receipt, {}});
    return;
  }
  if (found.targets.empty()) {
    receipt.status = "uncredited";
    receipt.reason = found.reason;
    if (job.answer) job.answer({receipt, {}});
    return;
  }
  std::vector<FeedbackRecord> records;
  for (const FeedbackTarget& target : found.targets) {
    FeedbackRecord record;
    record.id = found.id;
    record.key = target.turn.key;
    record.user = target.turn.user;
    record.session = target.turn.session;
    record.turn = target.turn.id;
    record.revision = target.newest_revision + 1;
    record.created_s = unix_s();
    record.score = job.request.score;
    record.text = job.request.text;
    record.correction = job.request.correction;
    record.hint = job.request.hint;
    record.fault = job.request.fault;
    record.severity = job.request.severity;
    record.source = job.answer ? "feedback" : "message";
    record.confidence = target.confidence;
    if (learning_) record.outcome = target.generating ? early_refusal(target.turn) : seams_.refusal(target.turn);
    const std::string word = !learning_               ? "recorded"
                             : target.generating      ? "waiting"
                             : record.outcome.empty() ? "judging"
                                                      : record.outcome;
    receipt.turns.push_back(credited(target.turn, target.confidence, word));
    if (!record.outcome.empty()) receipt.reason = "recorded, not learned from: " + record.outcome;
    records.push_back(std::move(record));
  }
  if (!learning_) receipt.reason = "recorded; this server does not learn";
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool last = i + 1 == records.size() && job.answer;
    place(std::move(records[i]), found.targets[i],
          last ? answer_when_durable(job.answer, receipt) : Journal::Durable());
  }
}

void FeedbackDesk::place(FeedbackRecord record, const FeedbackTarget& target, Journal::Durable durable) {
  journal_.save_feedback(record, std::move(durable));
  if (!learning_ || !record.outcome.empty()) return;
  const SampleId id{record.turn, record.revision};
  Open& open = open_[record.turn];
  for (const FeedbackRecord& other : target.standing) open.standing.insert(other.revision);
  open.standing.insert(record.revision);
  open.newest = std::max(open.newest, record.revision);
  open.prm_may_come = target.generating || seams_.awaits_prm(record.turn).has_value();
  pending_[id] = record;
  seams_.drop(record.turn, "superseded");
  if (target.generating)
    early_[record.turn].insert(record.revision);
  else
    judge(target.turn, record);
}

void FeedbackDesk::withdraw(Job& job, const FeedbackLookup& found) {
  FeedbackReceipt receipt{found.id, "withdrawn", {}, {}};
  bool stood = false;
  for (std::size_t i = 0; i < found.earlier.size(); ++i) {
    const FeedbackTarget& target = found.targets[i];
    stood = stood || found.earlier[i].stands();
    receipt.turns.push_back(credited(target.turn, found.earlier[i].confidence, target.taken ? "trained" : "withdrawn"));
    if (target.taken) receipt.reason = "the weights have learned from the turn already; the withdrawal is on record";
  }
  if (!stood) return job.answer({receipt, {}});
  for (std::size_t i = 0; i < found.earlier.size(); ++i) {
    const FeedbackRecord& record = found.earlier[i];
    const FeedbackTarget& target = found.targets[i];
    if (!record.stands()) continue;
    const SampleId id{record.turn, record.revision};
    pending_.erase(id);
    if (const auto early = early_.find(record.turn); early != early_.end()) early->second.erase(record.revision);
    if (const auto open = open_.find(record.turn); open != open_.end()) open->second.standing.erase(record.revision);
    const bool outranked = !target.standing.empty() && target.standing.back().revision > record.revision;
    const bool counted = record.outcome.empty() || record.outcome == "sampled";
    if (learning_ && counted && !outranked && !target.turn.session.empty()) fall_back(target, "withdrawn");
    if (const auto open = open_.find(record.turn); target.taken && open != open_.end()) open->second.trained = true;
    if (target.taken)
      journal_.save_event("feedback_withdrawn", "feedback " + record.id + " on turn " + std::to_string(id.turn.value) +
                                                    ", which a step has taken: not trained back");
    close_if_done(record.turn);
  }
  journal_.withdraw_feedback(job.request.key, found.id, answer_when_durable(job.answer, receipt));
}

}  // namespace clawrl
