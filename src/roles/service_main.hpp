#pragma once
// The main function that online_rl and serve share.

#include "config/parse.hpp"

namespace clawrl {

/// Settings, MPI, this rank's part; returns the exit code. Errors end the whole job with one line on stderr.
int service_main(int argc, char** argv, const JobDescription& job, bool learning);

}  // namespace clawrl
