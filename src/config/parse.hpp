#pragma once
// defaults < INI file (--config FILE) < command line (--section.key=value and a few short names).

#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "config/setting_list.hpp"

namespace clawrl {

/// What a job is and which sections it takes: others are refused on its command line and left out of --help, but
/// accepted in its INI file, so that jobs can share one.
struct JobDescription {
  std::string name;     // e.g. online_rl
  std::string summary;  // one line
  std::vector<std::string> sections;
  /// Names that samples.method may take; a job passes the advantage registry's.
  std::vector<std::string> methods = {"binary", "opd", "opd_topk", "combined", "combined_topk"};
  /// Names that trainer.loss may take, from the loss registry; empty = any (a job that trains nothing does not know).
  std::vector<std::string> losses = {};
  /// Likewise of samples.reward and rollout.generation.
  std::vector<std::string> rewards = {}, generations = {};
};

/// Reads the command line and the file that it names into `config` (which holds the defaults) and `own` (settings of
/// the job alone; may be null), fills what is derived (run.out) and checks contradictions. True: go on. False: --help
/// was given and `help` is its text. Throws UserError naming the setting and what is allowed. Touches no file but the
/// INI file, so it can run before MPI starts.
bool parse(int argc, const char* const* argv, const JobDescription& job, RunConfig& config, std::string& help,
           SettingList* own = nullptr);

/// The resolved configuration as INI text: sections of the job, then `own`. Parsing it again gives the same values.
std::string to_ini(const JobDescription& job, const RunConfig& config, const SettingList* own = nullptr);

/// Refuses settings that contradict each other; parse() calls it.
void check(const RunConfig& config);

/// All settings of a RunConfig, bound to its fields; the names as in JobDescription.
SettingList describe(RunConfig& config, const std::vector<std::string>& methods,
                     const std::vector<std::string>& losses = {}, const std::vector<std::string>& rewards = {},
                     const std::vector<std::string>& generations = {});

}  // namespace clawrl
