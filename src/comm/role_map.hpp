#pragma once
// Which world rank plays which role. Contiguous blocks: trainers, rollouts, PRMs; the head is rank 0.

#include <string>
#include <vector>

namespace clawrl {

enum class Role { trainer, rollout, prm };
const char* name(Role role);

struct RoleMapSettings {
  int trainers = 4, rollouts = 2, prms = 2;  // groups
  int ranks_per_group = 1;
  bool dedicated_head = false;  // rank 0 plays no other role
};

///   world   0 1 2 3   4 5   6 7        -n 3:  0 = trainer, 1 = rollout, 2 = prm
///           trainer   roll  prm        -n 1:  0 plays all three;  -n 2: 0 = trainer, 1 = rollout + prm
///           ^ head
class RoleMap {
 public:
  /// Throws UserError naming the counts when `world_size` does not fit the settings (and is not below 3 groups).
  RoleMap(int world_size, const RoleMapSettings& settings);
  /// Splits `world_size` in the default proportions 4:2:2 (8 -> 4+2+2, 3 -> 1+1+1, 4 -> 2+1+1, 5 -> 3+1+1, 6 -> 3+2+1).
  static RoleMap proportional(int world_size);
  static RoleMapSettings proportional_counts(int groups);
  /// Every rank is a rollout: a job that serves and does not learn.
  static RoleMap serving(int world_size);

  int head() const { return 0; }
  int world_size() const { return world_size_; }
  const std::vector<int>& ranks(Role role) const;  // ascending world ranks
  bool plays(int rank, Role role) const;
  std::string describe() const;  // "trainer 0-3, rollout 4-5, prm 6-7, head 0"

 private:
  int world_size_ = 0;
  std::vector<int> ranks_[3];
};

}  // namespace clawrl
