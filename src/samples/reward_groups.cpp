#include "samples/reward_groups.hpp"

#include <algorithm>
#include <span>

#include "core/checksum.hpp"

namespace clawrl {

GroupKey group_of(const Turn& turn) {
  return {turn.completion_id.substr(0, turn.completion_id.find('/')), checksum(std::as_bytes(std::span(turn.prompt)))};
}

void RewardGroups::tell(Group& group) {
  group.news = true;
  group.looked_s = never;
}

void RewardGroups::add(Turn turn, Verdict verdict, double now_s) {
  const auto [found, fresh] = groups_.try_emplace(group_of(turn));
  Group& group = found->second;
  if (fresh) group.since_s = now_s;
  tell(group);
  const TurnId id = turn.id;
  turns_ += group.scored.insert_or_assign(id, ScoredTurn{std::move(turn), std::move(verdict)}).second;
  make_room();
}

void RewardGroups::make_room() {
  if (turns_ <= most_turns) return;
  Group* oldest = nullptr;
  for (auto& [key, group] : groups_)
    if (!group.over && (!oldest || group.since_s < oldest->since_s)) oldest = &group;
  if (!oldest) return;
  oldest->over = true;
  tell(*oldest);
}

void RewardGroups::drop(TurnId turn) {
  for (auto it = groups_.begin(); it != groups_.end(); ++it) {
    if (it->second.scored.erase(turn) == 0) continue;
    --turns_;
    tell(it->second);
    if (it->second.scored.empty()) groups_.erase(it);
    return;
  }
}

std::optional<GroupKey> RewardGroups::next(double now_s) {
  const auto longest = std::min_element(groups_.begin(), groups_.end(), [](const auto& a, const auto& b) {
    return a.second.looked_s < b.second.looked_s;
  });
  if (longest == groups_.end() || now_s - longest->second.looked_s < again_s) return std::nullopt;
  longest->second.looked_s = now_s;
  return longest->first;
}

std::vector<ScoredTurn> RewardGroups::release(const GroupKey& key, const std::set<TurnId>& awaited, double now_s) {
  const auto found = groups_.find(key);
  if (found == groups_.end() || found->second.looked_s == never) return {};
  Group& group = found->second;
  group.news = false;
  const bool over = group.over || now_s - group.since_s >= wait_s_;
  const bool whole = std::all_of(awaited.begin(), awaited.end(), [&](TurnId id) { return group.scored.contains(id); });
  if (!over && !whole) return {};
  std::vector<ScoredTurn> released;
  for (auto& [id, scored] : group.scored) released.push_back(std::move(scored));
  turns_ -= released.size();
  groups_.erase(found);
  return released;
}

bool RewardGroups::news() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const auto& one) { return one.second.news; });
}

}  // namespace clawrl
