#include "comm/role_map.hpp"

#include <algorithm>
#include <numeric>

#include "core/error.hpp"

namespace clawrl {
namespace {

std::vector<int> block(int first, int count) {
  std::vector<int> ranks(static_cast<std::size_t>(count));
  std::iota(ranks.begin(), ranks.end(), first);
  return ranks;
}

std::string range(const std::vector<int>& ranks) {
  if (ranks.empty()) return "none";
  const std::string first = std::to_string(ranks.front());
  return ranks.size() == 1 ? first : first + "-" + std::to_string(ranks.back());
}

}  // namespace

const char* name(Role role) {
  static const char* const names[] = {"trainer", "rollout", "prm"};
  return names[static_cast<int>(role)];
}

RoleMap::RoleMap(int world_size, const RoleMapSettings& settings) : world_size_(world_size) {
  require(settings.trainers >= 1 && settings.rollouts >= 1 && settings.prms >= 1 && settings.ranks_per_group >= 1,
          "trainers, rollouts, prms and ranks_per_group must each be at least 1");
  const int first = settings.dedicated_head ? 1 : 0;
  const int width = settings.ranks_per_group;
  const int workers = world_size - first;
  const std::vector<int> front = block(first, width);
  if (workers == width) {  // one group plays all roles
    for (auto& ranks : ranks_) ranks = front;
    return;
  }
  if (workers == 2 * width) {  // the trainer apart, the two that infer together
    ranks_[0] = front;
    ranks_[1] = ranks_[2] = block(first + width, width);
    return;
  }
  const int counts[] = {settings.trainers * width, settings.rollouts * width, settings.prms * width};
  const int wanted = counts[0] + counts[1] + counts[2];
  require(workers == wanted,
          std::to_string(world_size) + " ranks do not fit " + std::to_string(settings.trainers) + " trainers + " +
              std::to_string(settings.rollouts) + " rollouts + " + std::to_string(settings.prms) + " prms of " +
              std::to_string(width) + " ranks each" + (first == 1 ? " and a dedicated head" : "") + ": start " +
              std::to_string(wanted + first) + " ranks (or " + std::to_string(width + first) + " or " +
              std::to_string(2 * width + first) + " for shared ranks), or change the counts");
  int begin = first;
  for (int role = 0; role < 3; ++role) {
    ranks_[role] = block(begin, counts[role]);
    begin += counts[role];
  }
}

RoleMapSettings RoleMap::proportional_counts(int groups) {
  require(groups >= 1, "a role map needs at least 1 group of ranks, got " + std::to_string(groups));
  RoleMapSettings settings;
  settings.prms = std::max(1, groups / 4);
  settings.rollouts = std::max(1, (groups + 2) / 4);
  settings.trainers = std::max(1, groups - settings.prms - settings.rollouts);
  return settings;
}

RoleMap RoleMap::proportional(int world_size) {
  return RoleMap(world_size, proportional_counts(world_size));
}

RoleMap RoleMap::serving(int world_size) {
  require(world_size >= 1, "a role map needs at least 1 rank, got " + std::to_string(world_size));
  RoleMap map(1, RoleMapSettings{});
  map.world_size_ = world_size;
  map.ranks_[0].clear();
  map.ranks_[1] = block(0, world_size);
  map.ranks_[2].clear();
  return map;
}

const std::vector<int>& RoleMap::ranks(Role role) const {
  return ranks_[static_cast<int>(role)];
}

bool RoleMap::plays(int rank, Role role) const {
  return std::ranges::binary_search(ranks(role), rank);
}

std::string RoleMap::describe() const {
  return "trainer " + range(ranks_[0]) + ", rollout " + range(ranks_[1]) + ", prm " + range(ranks_[2]) + ", head " +
         std::to_string(head());
}

}  // namespace clawrl
