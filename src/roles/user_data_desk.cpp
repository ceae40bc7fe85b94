#include "roles/user_data_desk.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "roles/user_export.hpp"
#include "session/request_claim.hpp"

namespace clawrl {
namespace {

constexpr double day_s = 86400;

ChatError too_many() {
  return {429, "rate_limit_error", "queue_full", "", "too many erasures wait already; try again later"};
}

ChatError failed(const std::string& why) {
  return {503, "server_error", "journal_failed", "", why};
}

std::function<bool(const Turn&)> matcher(const TurnSelection& wanted) {
  const auto fits = [](const std::optional<std::string>& value, const std::string& of) {
    return !value || *value == of;
  };
  return [wanted, fits](const Turn& turn) {
    return fits(wanted.key, turn.key) && fits(wanted.user, turn.user) && fits(wanted.session, turn.session);
  };
}

}  // namespace

UserDataDesk::UserDataDesk(Journal& journal, EventLoop& loop, std::int32_t retention_days,
                           std::shared_ptr<const Redactor> redactor, Seams seams)
    : journal_(journal),
      loop_(loop),
      retention_days_(retention_days),
      redactor_(std::move(redactor)),
      seams_(std::move(seams)),
      worker_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) work_.run(std::chrono::milliseconds(200));
      }) {}

UserDataDesk::~UserDataDesk() {
  worker_.request_stop();
  work_.post([] {});
}

/// As the request desk names users and sessions.
TurnSelection UserDataDesk::selection_of(const UserDataRequest& request) const {
  const auto named = [&](const std::string& id) { return redactor_ ? redactor_->identifier(id) : id; };
  TurnSelection wanted;
  wanted.until_s = unix_s();
  if (!request.key.empty()) wanted.key = request.key;
  if (!request.user.empty()) wanted.user = named(request.user);
  if (!request.session.empty()) {
    const std::vector<Message> none;
    const std::string id = stated_session({none, request.key, named(request.session)});
    wanted.session = session_name(request.key, id);
  }
  return wanted;
}

void UserDataDesk::export_user(const UserDataRequest& request, Answer<UserExport> answer) {
  TurnSelection wanted = selection_of(request);
  wanted.after = request.after;
  wanted.limit = request.limit;
  work_.post([this, wanted, answer = std::move(answer)] {
    try {
      answer({read_user(journal_, wanted), {}});
    } catch (const std::exception& error) {
      answer({std::nullopt, failed(error.what())});
    }
  });
}

void UserDataDesk::erase(const UserDataRequest& request, Answer<ErasureReport> answer) {
  if (waiting_.size() >= most_waiting) return answer({std::nullopt, too_many()});
  auto job = std::make_shared<Erasure>();
  job->selection = selection_of(request);
  job->answer = std::move(answer);
  seams_.forget_requests(matcher(job->selection));
  begin(std::move(job));
}

void UserDataDesk::begin(Job job) {
  if (in_hand_) return waiting_.push_back(std::move(job));
  in_hand_ = std::move(job);
  look_up(in_hand_, unix_s() - day_s * retention_days_, seams_.kept_step());
}

void UserDataDesk::in_background(std::function<void()> work, const Job& job) {
  work_.post([this, work = std::move(work), job] {
    try {
      work();
    } catch (const std::exception& error) {
      loop_.post([this, job, why = std::string(error.what())] { end(job, why); });
    }
  });
}

/// Those that the journal knows, and the one that was named: it may hold no turns of theirs any more.
std::vector<std::pair<std::string, std::string>> UserDataDesk::users_of(const TurnSelection& wanted) const {
  auto users = journal_.users_of(wanted);
  users.emplace_back(wanted.key.value_or(""), wanted.user.value_or(""));
  return users;
}

void UserDataDesk::look_up(Job job, double before_s, std::int64_t kept_step) {
  in_background(
      [this, job, before_s, kept_step] {
        job->ids = job->answer ? journal_.select_turns(job->selection)
                               : journal_.turns_before(before_s, kept_step, static_cast<std::int64_t>(batch));
        if (job->answer) job->uses = journal_.trained_uses(job->ids);
        if (job->answer && !job->selection.session) job->users = users_of(job->selection);
        loop_.post([this, job] { apply(job); });
      },
      job);
}

void UserDataDesk::apply(const Job& job) {
  try {
    seams_.forget_turns(job->ids);
    for (const auto& [key, user] : job->users) seams_.forget_user(key, user);
    for (std::size_t at = 0; at < job->ids.size(); at += batch) {
      const auto begin = job->ids.begin() + static_cast<std::ptrdiff_t>(at);
      const auto end = job->ids.begin() + static_cast<std::ptrdiff_t>(std::min(at + batch, job->ids.size()));
      journal_.erase_turns({begin, end}, job->rows);
    }
    if (!job->ids.empty()) {
      overwritten_ = false;
      journal_.save_event("erased",
                          std::to_string(job->ids.size()) + (job->answer ? " turns on request" : " old turns"));
    }
    purge(job);
  } catch (const std::exception& error) {
    end(job, error.what());
  }
}

void UserDataDesk::purge(const Job& job) {
  purge_due_ = false;
  ++job->attempts;
  journal_.purge([this, loop = &loop_, job](bool done) { loop->post([this, job, done] { purged(job, done); }); });
}

void UserDataDesk::purged(const Job& job, bool done) {
  overwritten_ = overwritten_ || done;
  if (journal_.failed()) return end(job, journal_.failure());
  if (!done && job->answer && job->attempts < purge_attempts) {  // a reader is in the way
    purge_due_ = true;
    return;
  }
  if (job->ids.empty()) return end(job, "");
  in_background(
      [this, job] {
        require(journal_.sync(std::chrono::seconds(30)), "the journal was not on disk within 30 s");
        if (job->answer) seams_.copy_journal();
        loop_.post([this, job] { end(job, ""); });
      },
      job);
}

void UserDataDesk::end(const Job& job, const std::string& error) {
  if (job != in_hand_) return;
  in_hand_ = nullptr;
  if (!job->answer) {
    expired_ += job->rows->turns;
    if (job->ids.size() == batch) next_retention_s_ = 0;  // there may be more
  } else if (!error.empty()) {
    job->answer({std::nullopt, failed(error)});
  } else {
    ErasureReport report{job->rows->turns, job->rows->verdicts, job->rows->samples, job->rows->feedback, {},
                         overwritten_};
    for (const TrainedUse& use : job->uses) report.trained.push_back({use.turn.value, use.step, use.version});
    job->answer({std::move(report), {}});
  }
  if (waiting_.empty()) return;
  Job next = std::move(waiting_.front());
  waiting_.pop_front();
  begin(std::move(next));
}

void UserDataDesk::tick(double now_s) {
  if (in_hand_ && purge_due_ && now_s >= next_purge_s_) {
    next_purge_s_ = now_s + purge_every_s;
    const Job job = in_hand_;
    try {
      purge(job);
    } catch (const UserError& error) {  // the journal has failed
      end(job, error.what());
    }
  }
  if (retention_days_ == 0 || in_hand_ || now_s < next_retention_s_) return;
  next_retention_s_ = now_s + retention_every_s;
  begin(std::make_shared<Erasure>());
}

}  // namespace clawrl
