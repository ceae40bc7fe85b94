#include "comm/mpi_environment.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "comm/collectives.hpp"
#include "comm/mpi_collectives.hpp"
#include "comm/mpi_support.hpp"
#include "core/error.hpp"

namespace clawrl {

namespace {

constexpr std::chrono::seconds finalize_limit(60);

/// With ULFM on, Open MPI would wait in MPI_Finalize for ranks that died, now and then for ever. It can be told not to
/// wait for anybody; mailboxes say goodbye to each other before.
void finalize_alone_under_ulfm() {
  const char* active = std::getenv("OMPI_MCA_mpi_ft_enable");  // set by mpirun --with-ft ulfm
  if (active != nullptr && std::string(active) != "0") setenv("OMPI_MCA_async_mpi_finalize", "1", 0);
}

void finalize_within_limit(int rank) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::thread watch([&] {
    std::unique_lock lock(mutex);
    if (changed.wait_for(lock, finalize_limit, [&] { return done; })) return;
    std::fprintf(stderr, "clawrl: rank %d: MPI_Finalize waits for another rank since %lld s; leaving without it\n",
                 rank, static_cast<long long>(finalize_limit.count()));
    std::_Exit(1);
  });
  MPI_Finalize();
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  changed.notify_one();
  watch.join();
}

}  // namespace

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) : exceptions_(std::uncaught_exceptions()) {
  finalize_alone_under_ulfm();
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
  if (std::uncaught_exceptions() == exceptions_) finalize_within_limit(rank_);
}

bool MpiEnvironment::ulfm_built() {
  return CLAWRL_ULFM != 0;
}

std::string MpiEnvironment::describe() const {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string library(text, static_cast<std::size_t>(length));
  library.resize(std::min(library.find_first_of(",\n"), library.size()));  // the rest is build detail
  const char* faults = !ulfm_built()  ? "without ULFM: a dead rank ends the job"
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
