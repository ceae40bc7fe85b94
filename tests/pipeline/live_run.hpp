#pragma once
// A live run on three ranks that was killed in the middle, resumed, and has learned from all that it got: the journal
// that replays are compared with.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pipeline/job_process.hpp"
#include "pipeline/workspace.hpp"

namespace clawrl::test {

struct LiveRun {
  Workspace workspace{"recovery"};
  std::string out = workspace.path("live");
  std::map<std::int64_t, std::string> hashes;        // step -> weights
  std::map<std::string, std::vector<char>> tensors;  // of its last checkpoint
  int compared = 0;                                  // tests that are through

  /// Runs it and checks what a crash must not break: recorded steps are taken again with equal weights, waiting samples
  /// and turns that were being judged are used, open conversations go on.
  LiveRun();
  /// A replay of its journal in a folder `name` of the workspace.
  JobSettings replay(const std::string& name, std::vector<std::string> more = {}) const;
  std::string last_step() const;  // as the log names it
};

}  // namespace clawrl::test
