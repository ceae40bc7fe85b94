#pragma once
// What every role loop of a rank gets.

#include <string>

#include "comm/mailbox.hpp"
#include "comm/role_map.hpp"
#include "config/run_config.hpp"
#include "roles/node_images.hpp"

namespace clawrl {

struct RankContext {
  Mailbox& mailbox;
  const RunConfig& config;
  const RoleMap& map;
  NodeImages& images;    // of this rank's roles; each role takes its own out, so that it can be let go
  bool learning = true;  // false: serve only, no trainer and no PRM
};

/// Trainer and judge threads yield to those that serve clients (Linux: nice of the calling thread).
void lower_priority();

/// Index of this rank among the ranks of a role.
int index_of(const RankContext& context, Role role);

}  // namespace clawrl
