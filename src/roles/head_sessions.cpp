// What the head does with turns whose sessions ended before they were answered, and with those from before a restart.

#include <algorithm>

#include "core/error.hpp"
#include "roles/clock.hpp"
#include "roles/head.hpp"

namespace clawrl {
namespace {

constexpr std::size_t closed_per_session = 32;  // newest ones that a restart makes known again
constexpr std::size_t most_sessions = 100;      // whose closed turns are read: a start must not take long

}  // namespace

SessionLimits Head::session_limits(const SessionConfig& session) {
  SessionLimits limits;
  limits.idle_s = session.idle_s;
  limits.remember_s = std::max(session.idle_s, session.remember_s);
  limits.max_turns = static_cast<std::size_t>(session.max_turns);
  return limits;
}

void Head::restore_sessions() {
  const double now = monotonic_s();
  const auto known = journal_->session_lengths(unix_s() - config_.session.remember_s, config_.session.max_turns);
  for (const auto& [session, turns] : known) sessions_.resume_index(session, turns, now);
  std::set<std::string> open_sessions;
  std::vector<Turn> open = journal_->open_turns();
  for (const Turn& turn : open)
    if (turn.type == TurnType::main) open_sessions.insert(turn.session);
  std::size_t left = most_sessions;
  for (auto session = open_sessions.begin(); session != open_sessions.end() && left > 0; ++session, --left)
    restore_closed(*session, now);
  steps_->restore_waiting();
  for (Turn& turn : open) {
    sessions_.restore(turn, now);
    if (turn.next_state.empty() && turn.state == TurnState::answered) {
      open_turns_.emplace(turn.id, std::move(turn));
      continue;
    }
    const bool ended = turn.state == TurnState::expired && !config_.session.judge_without_next_state;
    if (silence_approves() && turn.next_state.empty() && turn.state == TurnState::judging)
      judge_silence(std::move(turn));
    else if (!turn.next_state.empty() || !ended)
      judges_->submit(std::move(turn), 0);
  }
}

/// Turns that the conversation went on from already: what is open may be another reply to the same question.
void Head::restore_closed(const std::string& session, double now) {
  const std::vector<TurnId> ids = journal_->turns_of(session);
  const std::size_t first = ids.size() - std::min(ids.size(), closed_per_session);
  for (std::size_t i = first; i < ids.size(); ++i) {
    const std::optional<Turn> turn = journal_->turn(ids[i]);
    if (turn && turn->type == TurnType::main && !turn->next_state.empty()) sessions_.restore(*turn, now);
  }
}

/// A next state that came after the end of its session: the turn is read back and judged, one at a time.
void Head::judge_late() {
  using namespace std::chrono_literals;
  if (late_read_.valid()) {
    if (late_read_.wait_for(0s) != std::future_status::ready) return;
    std::optional<Turn> turn;
    try {
      turn = late_read_.get();
    } catch (const UserError& error) {  // the journal has failed, and says so elsewhere
      log(std::string("a late next state is not judged: ") + error.what());
    }
    const auto is_user = [](const Message& message) { return message.role == "user"; };
    if (turn && (config_.session.judge_without_next_state || silence_approves())) {
      // Silence was judged; what the user says after all outranks that, what a program reports does not.
      const auto& said = turn->next_state;
      if (std::any_of(said.begin(), said.end(), is_user)) feedback_->said_late(*turn);
    } else if (turn && turn->state == TurnState::expired) {
      turn->state = TurnState::judging;
      journal_->advance_turn(turn->id, TurnState::judging);
      feedback_at_[turn->id] = unix_s();
      judges_->submit(std::move(*turn), 0);
    }
  }
  if (late_.empty()) return;
  late_read_ = std::async(std::launch::async, [this, id = late_.front()] { return journal_->turn(id); });
  late_.pop_front();
}

}  // namespace clawrl
