// Catch2 under mpirun: the exit code is the worst of all ranks; rank 0 prints, others only when they fail.
// Use CHECK, not REQUIRE, for what can differ between ranks: a rank that leaves a test early hangs the others.
#include <mpi.h>

#include <iostream>
#include <sstream>
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::ostringstream quiet;
  std::streambuf* screen = std::cout.rdbuf();
  if (rank != 0) std::cout.rdbuf(quiet.rdbuf());
  int result = Catch::Session().run(argc, argv);
  if (rank != 0) {
    std::cout.rdbuf(screen);
    if (result != 0) std::cerr << "[rank " << rank << "]\n" << quiet.str();
  }
  int worst = 0;
  MPI_Allreduce(&result, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return worst;
}
