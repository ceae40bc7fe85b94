#pragma once
// online_rl under mpirun as a child process of a test.

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "frontend/server_url.hpp"

namespace clawrl::test {

/// What to start. `out` must be a folder of this run alone: the ranks are recognised by it.
struct JobSettings {
  int ranks = 3;
  std::string out;
  std::string config = "configs/ci/online_rl.ini";  // from the source folder, where the job runs
  std::vector<std::string> arguments = {};          // further ones, e.g. --run.resume
  std::string log = {};                             // file; empty = <out>.log
};

/// Ends with its test: the destructor kills what is left of the job. Every wait has a limit.
class JobProcess {
 public:
  /// Starts it; stdout and stderr go to the log, appended to what is there.
  explicit JobProcess(const JobSettings& settings);
  ~JobProcess();
  JobProcess(const JobProcess&) = delete;
  JobProcess& operator=(const JobProcess&) = delete;

  /// Of this start. False when `text` has not come within the limit or the job ended without it.
  bool wait_for(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(90));
  /// Waits until it serves; throws std::runtime_error when it does not.
  ServerUrl wait_until_serving();

  void stop();               // as a user does: SIGUSR1 to mpirun, which passes it on
  void terminate_ranks();    // SIGTERM to each of them, as a batch system does
  void kill_rank(int rank);  // SIGKILL, that rank alone
  void kill_all_ranks();     // SIGKILL, all at once
  /// Exit code of mpirun, 128 + n after signal n; throws std::runtime_error after the limit. Afterwards the ranks have
  /// at most a moment to disappear: see ranks().
  int wait(std::chrono::seconds limit = std::chrono::seconds(90));

  std::string log() const;           // of this start
  std::vector<pid_t> ranks() const;  // of this job's living rank processes, lowest first

 private:
  bool ended();

  std::string out_, log_path_;
  std::size_t log_begin_ = 0;
  pid_t pid_ = -1;
  int exit_code_ = -1;  // -1 = still running
};

}  // namespace clawrl::test
