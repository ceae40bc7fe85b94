#pragma once
// One rank of online_rl or serve: its models, its role threads and, on rank 0, the head.

#include <string>

#include "comm/mpi_environment.hpp"
#include "config/run_config.hpp"

namespace clawrl {

/// Collective over the world. Runs until the head stops the job (SIGTERM, SIGINT, SIGUSR1, run.max_steps or the end of
/// a replay); returns this rank's exit code. `configuration`: the resolved settings as text, which the head prints and
/// keeps in <run.out>/resolved.ini. `learning` false: every rank samples, nothing is judged or trained. A role that
/// fails ends the whole job with rank, role and cause.
int run_rank(const MpiEnvironment& mpi, const RunConfig& config, const std::string& configuration, bool learning);

}  // namespace clawrl
