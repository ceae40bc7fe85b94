#include "roles/service_main.hpp"

#include <iostream>

#include "comm/mpi_environment.hpp"
#include "roles/run_rank.hpp"

namespace clawrl {

int service_main(int argc, char** argv, const JobDescription& job, bool learning) try {
  RunConfig config;
  std::string help;
  if (!parse(argc, argv, job, config, help)) {
    std::cout << help;
    return 0;
  }
  const std::string resolved = to_ini(job, config);
  MpiEnvironment mpi(argc, argv);
  try {
    return run_rank(mpi, config, resolved, learning);
  } catch (const std::exception& error) {
    mpi.fail("start", error.what());
  }
} catch (const std::exception& error) {
  std::cerr << job.name << ": " << error.what() << std::endl;
  return 1;
}

}  // namespace clawrl
