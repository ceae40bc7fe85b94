#include "comm/mpi_environment.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <vector>

#include "comm/collectives.hpp"
#include "comm/mpi_collectives.hpp"
#include "comm/mpi_support.hpp"
#include "core/error.hpp"

namespace clawrl {

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) : exceptions_(std::uncaught_exceptions()) {
  int provided = MPI_THREAD_SINGLE;
  mpi::check(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_MULTIPLE) {
    MPI_Finalize();
    throw UserError("this MPI library lacks MPI_THREAD_MULTIPLE: build or load one that has it");
  }
  mpi::check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  mpi::check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  mpi::check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  ulfm_active_ = mpi::ulfm_active();
}

MpiEnvironment::~MpiEnvironment() {
  if (std::uncaught_exceptions() == exceptions_) MPI_Finalize();
}

bool MpiEnvironment::ulfm_built() { return CLAWRL_ULFM != 0; }

std::string MpiEnvironment::describe() const {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string library(text, static_cast<std::size_t>(length));
  library.resize(std::min(library.find_first_of(",\n"), library.size()));  // the rest is build detail
  const char* faults = !ulfm_built()   ? "without ULFM: a dead rank ends the job"
                       : ulfm_active_ ? "ULFM active: a dead rank is reported, the others go on"
                                      : "ULFM built in but not active: a dead rank ends the job";
  return library + ", thread multiple, " + faults;
}

std::unique_ptr<Collectives> MpiEnvironment::world_collectives() const {
  if (size_ == 1) return make_local_collectives();
  std::vector<int> ranks(static_cast<std::size_t>(size_));
  std::iota(ranks.begin(), ranks.end(), 0);
  return make_mpi_collectives(ranks);
}

void MpiEnvironment::fail(const std::string& role, const std::string& cause) const noexcept {
  std::fprintf(stderr, "clawrl: rank %d (%s): %s\n", rank_, role.c_str(), cause.c_str());
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::abort();
}

}  // namespace clawrl
