// Questions to a model folder from a file, answers into a file.

#include <fstream>
#include <iostream>
#include <string_view>
#include <vector>

#include "config/parse.hpp"
#include "core/error.hpp"
#include "kernels/runtime.hpp"
#include "probe/probe.hpp"

namespace {

using namespace clawrl;

struct ProbeJob {
  ProbeSettings settings;
  std::string in, out;
};

void describe(SettingList& list, ProbeJob& job) {
  list.add("probe.model", job.settings.folder, "model folder; also --model");
  list.add("probe.in", job.in, "file with one JSON question per line (docs/models.md); also --in");
  list.add("probe.out", job.out, "file for the answers, one line each; also --out");
  list.add("probe.device", job.settings.device, "cpu or cuda:N");
  list.add("probe.context", job.settings.context, "tokens that one question may have", between(16, 1 << 20));
}

/// --model, --in and --out are short for the settings.
std::vector<std::string> long_names(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  for (std::string& word : words)
    for (const std::string name : {"--model", "--in", "--out"})
      if (word == name || word.starts_with(name + "=")) word.insert(2, "probe.");
  return words;
}

int run(const ProbeJob& job) {
  require(!job.settings.folder.empty(), "probe.model: name a model folder");
  require(!job.in.empty(), "probe.in: name a file of questions");
  require(!job.out.empty(), "probe.out: name a file for the answers");
  std::ifstream in(job.in, std::ios::binary);
  require(in.good(), "probe.in: " + job.in + " cannot be read");
  std::ofstream out(job.out, std::ios::binary);
  require(out.good(), "probe.out: " + job.out + " cannot be written");
  const KernelRuntime kernels;
  Probe probe(job.settings);
  const std::int64_t failed = run_probe(probe, in, out);
  if (failed > 0) std::cerr << "probe: " << failed << " questions could not be answered; their lines say why\n";
  return failed > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) try {
  ProbeJob job;
  SettingList own;
  describe(own, job);
  const auto words = long_names(argc, argv);
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  RunConfig config;
  std::string help;
  const JobDescription description{"probe", "Asks a model folder: tokens, prompts, log-probs, replies.", {}};
  if (!parse(argc, arguments.data(), description, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  return run(job);
} catch (const std::exception& error) {
  std::cerr << "probe: " << error.what() << std::endl;
  return 1;
}
