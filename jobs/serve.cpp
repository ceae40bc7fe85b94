// Serves the policy to clients, without learning; every rank samples.

#include <iostream>

#include "comm/mpi_environment.hpp"
#include "config/parse.hpp"
#include "roles/run_rank.hpp"

int main(int argc, char** argv) try {
  const clawrl::JobDescription job{"serve", "Serves the policy over HTTP without learning; every rank samples.",
                                   {"run", "model", "http", "rollout", "session"}};
  clawrl::RunConfig config;
  std::string help;
  if (!clawrl::parse(argc, argv, job, config, help)) {
    std::cout << help;
    return 0;
  }
  const std::string resolved = clawrl::to_ini(job, config);
  clawrl::MpiEnvironment mpi(argc, argv);
  try {
    return clawrl::run_rank(mpi, config, resolved, false);
  } catch (const std::exception& error) {
    mpi.fail("start", error.what());
  }
} catch (const std::exception& error) {
  std::cerr << "serve: " << error.what() << std::endl;
  return 1;
}
