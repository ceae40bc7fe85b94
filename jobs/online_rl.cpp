// The main job: serves the policy to clients and trains it from what they answer.

#include <iostream>

#include "comm/mpi_environment.hpp"
#include "config/parse.hpp"
#include "roles/run_rank.hpp"
#include "samples/advantage.hpp"

int main(int argc, char** argv) try {
  clawrl::JobDescription job{"online_rl",
                             "Serves the policy over HTTP and trains it from the next message of each conversation.\n"
                             "Start it under mpirun; 8 ranks are 4 trainers, 2 rollouts and 2 PRMs.",
                             {"run", "model", "roles", "http", "rollout", "prm", "samples", "trainer", "weights",
                              "checkpoint", "session"},
                             clawrl::advantage_names()};
  clawrl::RunConfig config;
  std::string help;
  if (!clawrl::parse(argc, argv, job, config, help)) {
    std::cout << help;
    return 0;
  }
  const std::string resolved = clawrl::to_ini(job, config);
  clawrl::MpiEnvironment mpi(argc, argv);
  try {
    return clawrl::run_rank(mpi, config, resolved, true);
  } catch (const std::exception& error) {
    mpi.fail("start", error.what());
  }
} catch (const std::exception& error) {
  std::cerr << "online_rl: " << error.what() << std::endl;
  return 1;
}
