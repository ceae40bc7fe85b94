#include "comm/agreement.hpp"

#include "comm/polite_wait.hpp"

namespace clawrl {

bool all_agree(const Communicator& communicator, std::optional<std::uint64_t> value, std::chrono::seconds limit) {
  // The largest value and the complement of the smallest; a rank without one gives the smallest of both.
  const std::uint64_t given[2] = {value.value_or(0), value ? ~*value : 0};
  std::uint64_t largest[2] = {};
  MPI_Request request = MPI_REQUEST_NULL;
  mpi::check(MPI_Iallreduce(given, largest, 2, MPI_UINT64_T, MPI_MAX, mpi::raw(communicator), &request),
             "MPI_Iallreduce");
  mpi::wait_politely(request, limit, "comparing what the ranks loaded");
  const bool nobody = largest[0] == 0 && largest[1] == 0;  // a value and its complement are never both 0
  return nobody || largest[0] == ~largest[1];
}

}  // namespace clawrl
