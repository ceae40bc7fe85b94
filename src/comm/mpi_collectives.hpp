#pragma once
// Collectives over MPI. A sum adds the ranks' values in rank order, whatever the length and the library's algorithm:
//
//   values of 3 ranks      a0 b0 c0 | a1 b1 c1 | a2 b2 c2        exchange: rank r gets block r of everyone
//   rank 0 adds            a0+a1+a2                              then gather: everyone gets every block
//   rank 1 adds                b0+b1+b2
//
// so that all ranks hold the same bits by construction. Two exchanges per segment, as few bytes as a ring moves.

#include <chrono>
#include <memory>
#include <vector>

#include "comm/collectives.hpp"

namespace clawrl {

struct CollectiveSettings {
  std::chrono::seconds limit{600};                   // a call that takes longer throws UserError naming it
  std::size_t segment_bytes = std::size_t{8} << 20;  // scratch memory of one sum
};

/// Collective over exactly `world_ranks`. A group of one needs no MPI traffic. When a member dies (ULFM) the call
/// throws RankLostError on every survivor and the group is revoked.
std::unique_ptr<Collectives> make_mpi_collectives(const std::vector<int>& world_ranks,
                                                  const CollectiveSettings& settings = {});

}  // namespace clawrl
