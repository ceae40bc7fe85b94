#pragma once
// Waiting for a collective that others come to late. Inside comm/ only.

#include <chrono>
#include <string>

#include "comm/backoff.hpp"
#include "comm/mpi_support.hpp"
#include "core/error.hpp"

namespace clawrl::mpi {

/// A plain wait would spin on the core that the others need. UserError with `what` after `limit`.
inline void wait_politely(MPI_Request& request, std::chrono::seconds limit, const std::string& what) {
  Backoff backoff(std::chrono::milliseconds(5));
  for (int done = 0;;) {
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done != 0) return;
    require(backoff.elapsed() < limit,
            what + ": no word from the other ranks after " + std::to_string(limit.count()) + " s");
    backoff.pause();
  }
}

}  // namespace clawrl::mpi
