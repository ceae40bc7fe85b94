#include "roles/judge_desk.hpp"

#include <algorithm>

#include "roles/clock.hpp"
#include "roles/messages.hpp"
#include "session/client_text.hpp"

namespace clawrl {

void JudgeDesk::submit(Turn turn, std::int32_t revision, GivenVerdict given) {
  const SampleId id{turn.id, revision};
  given.task = newest_user_words(turn.messages);  // clients put texts of their own behind the user's
  waiting_.push_back({id, std::move(turn), std::move(given)});
  dispatch();
}

bool JudgeDesk::has(SampleId id) const {
  return open_.contains(id) ||
         std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& one) { return one.id == id; });
}

void JudgeDesk::dispatch() {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const int rank = *std::min_element(ranks_.begin(), ranks_.end(), [&](int a, int b) { return load_[a] < load_[b]; });
    if (load_[rank] >= per_rank) return;
    if (in_order && !next->turn.session.empty() && !judged_sessions_.insert(next->turn.session).second) {
      ++next;
      continue;
    }
    Case& one = open_[next->id] = Case{std::move(next->turn), std::move(next->given), rank, 0, 0};
    const SampleId id = next->id;
    next = waiting_.erase(next);
    send(id, one, rank);
  }
}

void JudgeDesk::closed(const Case& one) {
  --load_[one.rank];
  judged_sessions_.erase(one.turn.session);
}

void JudgeDesk::send(SampleId id, Case& one, int rank) {
  one.rank = rank;
  one.since_s = monotonic_s();
  ++one.attempts;
  ++load_[rank];
  one.given.earlier_hints = earlier_hints(one.turn);
  mailbox_.send(rank, Port::prm, messages::JudgeTurn{one.turn, id.revision, one.given});
}

void JudgeDesk::drop(TurnId turn) {
  std::erase_if(waiting_, [&](const Waiting& one) { return one.id.turn == turn; });
  for (auto it = open_.lower_bound({turn, 0}); it != open_.end() && it->first.turn == turn; it = open_.erase(it))
    closed(it->second);
  dispatch();
}

void JudgeDesk::take(Verdict verdict) {
  const auto found = open_.find({verdict.turn, verdict.revision});
  if (found == open_.end()) return;  // a second answer after a time-out
  closed(found->second);
  const Turn turn = std::move(found->second.turn);
  open_.erase(found);
  judged_(turn, std::move(verdict));
  dispatch();
}

void JudgeDesk::tick(double now_s) {
  std::vector<SampleId> late;
  for (const auto& [id, one] : open_)
    if (now_s - one.since_s > timeout_s_) late.push_back(id);
  for (SampleId id : late) {
    Case& one = open_.at(id);
    const auto other = std::find_if(ranks_.begin(), ranks_.end(), [&](int rank) { return rank != one.rank; });
    if (one.attempts < 2 && other != ranks_.end()) {
      --load_[one.rank];
      send(id, one, *other);
      continue;
    }
    Verdict failed;
    failed.turn = id.turn;
    failed.revision = id.revision;
    failed.error = "no verdict from prm rank " + std::to_string(one.rank) + " within prm.timeout_s";
    take(std::move(failed));
  }
}

}  // namespace clawrl
