#pragma once
// Collectives over NCCL for groups whose ranks hold one GPU each. Host values are staged through device memory.

#include <chrono>
#include <memory>
#include <vector>

#include "comm/collectives.hpp"
#include "comm/mpi_collectives.hpp"

namespace clawrl {

/// Was NCCL compiled in? Without it make_nccl_collectives() throws UserError saying so.
bool nccl_built();

/// Collective over exactly `world_ranks`; `device` is this rank's CUDA device number. Sums are the same bits on all
/// ranks and in repeated runs on the same machines; their order of addition is NCCL's. When a call fails or takes
/// longer than the limit the NCCL communicator is aborted and MpiError or UserError thrown.
std::unique_ptr<Collectives> make_nccl_collectives(const std::vector<int>& world_ranks, int device,
                                                   const CollectiveSettings& settings = {});

}  // namespace clawrl
