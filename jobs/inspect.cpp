// What is in a run's folder: journal and checkpoints, and the line that goes on with it.

#include <filesystem>
#include <iostream>
#include <map>

#include "audit/comparison.hpp"
#include "checkpoint/checkpoint_reader.hpp"
#include "config/parse.hpp"
#include "core/error.hpp"
#include "journal/journal_reader.hpp"

namespace {

using namespace clawrl;
namespace fs = std::filesystem;

void print_journal(const std::string& path) {
  const JournalReader journal(path);
  std::cout << to_text(journal.summary());
  std::map<std::pair<double, std::int64_t>, std::vector<AuditRecord>> audits;  // by time and version
  for (const AuditRecord& one : journal.audits()) audits[{one.at_s, one.version}].push_back(one);
  for (const auto& [when, sets] : audits)
    std::cout << "  audit of version " << when.second << ": " << to_text(sets) << "\n";
  for (const EventRecord& event : journal.events(5))
    std::cout << "  event " << event.kind << ": " << event.text << "\n";
}

/// False when the newest one is damaged.
bool print_checkpoints(const std::string& root, bool all) {
  const auto checkpoints = list_checkpoints(root);
  if (checkpoints.empty()) std::cout << "no checkpoint in " << root << "\n";
  for (const CheckpointInfo& info : checkpoints)
    std::cout << info.path << "  " << info.bytes << " bytes"
              << (info.problem.empty() ? "" : "  DAMAGED: " + info.problem) << "\n";
  if (checkpoints.empty()) return true;
  if (all && checkpoints.back().problem.empty()) std::cout << describe_checkpoint(checkpoints.back().path);
  return checkpoints.back().problem.empty();
}

int run(const std::string& path, bool tensors) {
  require(fs::exists(path), "inspect.path: there is no " + path);
  if (fs::exists(path + "/manifest.h5")) {
    std::cout << describe_checkpoint(path);
    return 0;
  }
  if (!fs::is_directory(path)) {
    print_journal(path);
    return 0;
  }
  if (fs::exists(path + "/journal.sqlite")) print_journal(path + "/journal.sqlite");
  const bool whole = print_checkpoints(path + "/checkpoints", tensors);
  if (fs::exists(path + "/resolved.ini"))
    std::cout << "go on with it: mpirun -n <ranks> online_rl --config " << path << "/resolved.ini --resume\n";
  return whole ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  std::string path;
  bool tensors = false;
  SettingList own;
  own.add("inspect.path", path, "a run's folder, a checkpoint's folder or a journal file");
  own.add("inspect.tensors", tensors, "also list the newest checkpoint's tensors and verify their checksums");
  RunConfig config;
  std::string help;
  if (!parse(argc, argv, {"inspect", "Prints what is in a run's folder.", {}}, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  require(!path.empty(), "inspect.path: name a run's folder, a checkpoint's folder or a journal file");
  return run(path, tensors);
} catch (const std::exception& error) {
  std::cerr << "inspect: " << error.what() << std::endl;
  return 1;
}
