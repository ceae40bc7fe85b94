#include "roles/rank_context.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace clawrl {

void lower_priority() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 10);
}

int index_of(const RankContext& context, Role role) {
  const auto& ranks = context.map.ranks(role);
  return static_cast<int>(std::find(ranks.begin(), ranks.end(), context.mailbox.rank()) - ranks.begin());
}

}  // namespace clawrl
