// How a user's data is shown, erased and let go in time.

#include <filesystem>

#include "roles/head.hpp"

namespace clawrl {

namespace fs = std::filesystem;

void Head::export_user(UserDataRequest request, Answer<UserExport> answer) {
  loop_.post(
      [this, request = std::move(request), answer = std::move(answer)] { user_data_->export_user(request, answer); });
}

void Head::erase_user(UserDataRequest request, Answer<ErasureReport> answer) {
  loop_.post([this, request = std::move(request), answer = std::move(answer)] { user_data_->erase(request, answer); });
}

/// Desks that a server without learning does not have are passed over.
void Head::make_user_data_desk() {
  UserDataDesk::Seams seams;
  seams.forget_requests = [this](const std::function<bool(const Turn&)>& wanted) { requests_->forget(wanted); };
  seams.forget_turns = [this](const std::vector<TurnId>& turns) {
    for (const TurnId id : turns) {
      sessions_.aborted(id);
      open_turns_.erase(id);
      feedback_at_.erase(id);
      if (judges_) judges_->drop(id);
      earlier_hints_.forget(id);
      feedback_->forget(id);
      if (steps_) steps_->drop(id, "erased");
    }
  };
  seams.forget_user = [this](const std::string& key, const std::string& user) {
    const std::string line = policy_line(config_.policy, key, user);
    if (steps_ && line != shared_line) steps_->drop_line(line);
  };
  seams.kept_step = [this] { return checkpoints_ ? checkpoints_->last_step() : INT64_MAX; };
  seams.copy_journal = [this] { copy_journal(false); };
  user_data_ =
      std::make_unique<UserDataDesk>(*journal_, loop_, config_.privacy.retention_days, redactor_, std::move(seams));
}

/// Where the journal lies elsewhere, on a local disk, run.out has a copy. Any thread.
void Head::copy_journal(bool make) {
  const std::lock_guard lock(copy_mutex_);
  const std::string copy = config_.run.out + "/journal_copy/journal.sqlite";
  if (config_.run.journal.empty() || (!make && !fs::exists(copy))) return;
  fs::create_directories(fs::path(copy).parent_path());
  fs::remove(copy + "-wal");  // of an older copy
  journal_->snapshot(copy);
}

}  // namespace clawrl
