#pragma once
// Inside comm/ only: raw handles, return codes and what ULFM adds, so that no other file asks whether it is there.

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#if defined(OPEN_MPI) && OPEN_MPI && __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

#include <vector>

#include "comm/communicator.hpp"
#include "comm/mpi_error.hpp"

#if defined(MPIX_ERR_PROC_FAILED)
#define CLAWRL_ULFM 1
#else
#define CLAWRL_ULFM 0
#endif

namespace clawrl {

struct Communicator::Handle {
  MPI_Comm comm = MPI_COMM_NULL;
  bool owned = false;
  Handle(MPI_Comm raw_comm, bool is_owned) : comm(raw_comm), owned(is_owned) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle();
};

namespace mpi {

inline MPI_Comm raw(const Communicator& communicator) {
  return communicator.handle().comm;
}

[[noreturn]] void throw_error(int code, const char* call);

/// Any return code but success becomes MpiError (RankLostError when it says that a rank died).
inline void check(int code, const char* call) {
  if (code != MPI_SUCCESS) throw_error(code, call);
}

/// Does the code say that a rank died or that the communicator was revoked because of it? Always false without ULFM.
bool says_rank_lost(int code);

/// Acknowledges all deaths known so far, so that receives from any source work again; returns the dead ranks.
std::vector<int> acknowledge_lost(MPI_Comm comm);

/// Makes every rank's pending and later calls on `comm` fail; nothing without ULFM.
void revoke(MPI_Comm comm);

/// Was the job started so that a dead rank becomes an error code (mpirun --with-ft ulfm)?
bool ulfm_active();

}  // namespace mpi
}  // namespace clawrl
