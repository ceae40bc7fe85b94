#include "comm/mpi_support.hpp"

#include <numeric>
#include <string>

namespace clawrl {

Communicator::Handle::~Handle() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (owned && finalized == 0) MPI_Comm_free(&comm);
}

namespace mpi {

void throw_error(int code, const char* call) {
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  const std::string what = std::string(call) + ": " + std::string(text, static_cast<std::size_t>(length));
  int error_class = code;
  MPI_Error_class(code, &error_class);
  if (says_rank_lost(code)) throw RankLostError(what, error_class);
  throw MpiError(what, error_class);
}

#if CLAWRL_ULFM

bool says_rank_lost(int code) {
  int error_class = code;
  if (code != MPI_SUCCESS) MPI_Error_class(code, &error_class);
  return error_class == MPIX_ERR_PROC_FAILED || error_class == MPIX_ERR_PROC_FAILED_PENDING ||
         error_class == MPIX_ERR_REVOKED;
}

std::vector<int> acknowledge_lost(MPI_Comm comm) {
  check(MPIX_Comm_failure_ack(comm), "MPIX_Comm_failure_ack");
  MPI_Group dead = MPI_GROUP_NULL, all = MPI_GROUP_NULL;
  check(MPIX_Comm_failure_get_acked(comm, &dead), "MPIX_Comm_failure_get_acked");
  check(MPI_Comm_group(comm, &all), "MPI_Comm_group");
  int count = 0;
  MPI_Group_size(dead, &count);
  std::vector<int> places(static_cast<std::size_t>(count)), ranks(places.size());
  std::iota(places.begin(), places.end(), 0);
  if (count > 0) check(MPI_Group_translate_ranks(dead, count, places.data(), all, ranks.data()), "MPI_Group_translate");
  if (dead != MPI_GROUP_EMPTY) MPI_Group_free(&dead);
  MPI_Group_free(&all);
  return ranks;
}

void revoke(MPI_Comm comm) {
  MPIX_Comm_revoke(comm);
}

bool ulfm_active() {
  int level = 0, index = 0, count = 0, value = 0;
  MPI_T_cvar_handle handle = nullptr;
  if (MPI_T_init_thread(MPI_THREAD_MULTIPLE, &level) != MPI_SUCCESS) return false;
  if (MPI_T_cvar_get_index("mpi_ft_enable", &index) == MPI_SUCCESS &&
      MPI_T_cvar_handle_alloc(index, nullptr, &handle, &count) == MPI_SUCCESS) {
    unsigned char bytes[64] = {};  // Open MPI stores this one as a bool, whatever type it announces
    MPI_T_cvar_read(handle, bytes);
    value = bytes[0];
    MPI_T_cvar_handle_free(&handle);
  }
  MPI_T_finalize();
  return value != 0;
}

#else

bool says_rank_lost(int) {
  return false;
}
std::vector<int> acknowledge_lost(MPI_Comm) {
  return {};
}
void revoke(MPI_Comm) {}
bool ulfm_active() {
  return false;
}

#endif

}  // namespace mpi
}  // namespace clawrl
