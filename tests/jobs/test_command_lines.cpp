// Every job as a program: --help, refused settings, and the tokenizer recipe, which makes the same bytes every time.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> jobs() {
  std::map<std::string, std::string> paths;
  std::istringstream list(CLAWRL_JOBS);
  for (std::string path; std::getline(list, path, ',');) paths[fs::path(path).filename()] = path;
  return paths;
}

struct Result {
  int code = -1;
  std::string output;  // stdout and stderr
};

Result run(const std::string& command) {
  Result result;
  FILE* pipe = ::popen(("cd '" CLAWRL_SOURCE_DIR "' && " + command + " 2>&1 </dev/null").c_str(), "r");
  if (!pipe) return result;
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) result.output.append(buffer, n);
  const int status = ::pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Some settings that a job's users look for.
const std::map<std::string, std::vector<std::string>> expected = {
    {"online_rl", {"run.out", "http.port", "samples.method", "checkpoint.every_steps", "roles.trainers", "--resume"}},
    {"serve", {"http.port", "model.policy", "rollout.max_batch"}},
    {"sft", {"sft.tokens", "sft.require_loss", "trainer.learning_rate"}},
    {"simulate_users", {"users.url", "users.sessions"}},
    {"train_tokenizer", {"tokenizer.out", "tokenizer.vocabulary"}},
    {"evaluate", {"evaluate.count", "evaluate.heldout", "evaluate.checkpoint"}},
    {"inspect", {"inspect.path"}},
    {"convert", {"convert.from", "convert.to", "convert.lora"}},
    {"probe", {"probe.model", "probe.in", "probe.out", "probe.context"}}};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("every job explains itself") {
  const auto all = jobs();
  for (const auto& [name, settings] : expected) {
    INFO(name);
    CHECK(all.contains(name));
  }
  for (const auto& [name, path] : all) {
    INFO(name);
    const Result help = run(path + " --help");
    CHECK(help.code == 0);
    CHECK(help.output.starts_with(name + ": "));
    CHECK(contains(help.output, "--config FILE"));
    if (const auto known = expected.find(name); known != expected.end())
      for (const std::string& setting : known->second)
        if (!contains(help.output, setting)) FAIL_CHECK("--help does not mention " << setting);
  }
}

TEST_CASE("an unknown setting is refused by name") {
  for (const auto& [name, path] : jobs()) {
    INFO(name);
    for (const char* setting : {"no.such_setting", "port-of-call"}) {
      const Result refused = run(path + " --" + setting + "=1");
      CHECK(refused.code != 0);
      CHECK(refused.code < 128);  // not by a signal
      CHECK(contains(refused.output, setting));
      CHECK(refused.output.size() < 2000);  // a sentence, not a stack trace
    }
  }
}

TEST_CASE("values out of range and files that are not there are refused by name, with what is allowed") {
  const auto all = jobs();
  const auto refused = [&](const std::string& job, const std::string& arguments, const std::vector<std::string>& said) {
    const Result result = run(all.at(job) + " " + arguments);
    INFO(job << " " << arguments << ": " << result.output);
    CHECK(result.code != 0);
    for (const std::string& part : said) CHECK(contains(result.output, part));
  };
  refused("sft", "--sft.hidden=2", {"sft.hidden", "8..65536"});
  refused("sft", "--sft.kind=poet", {"sft.kind", "policy, judge"});
  refused("sft", "--trainer.lora_rank=8", {"trainer.lora_rank", "full weights"});
  refused("sft", "--sft.tokenizer=/nowhere", {"/nowhere"});
  refused("sft", "--config=/nowhere.ini", {"/nowhere.ini"});
  refused("online_rl", "--http.port=99999", {"http.port", "65535"});
  refused("online_rl", "--samples.method=magic", {"samples.method", "combined"});
  refused("train_tokenizer", "--tokenizer.texts=/nowhere.md --tokenizer.out=/tmp", {"/nowhere.md"});
  refused("probe", "--in /dev/null --out /dev/null", {"probe.model"});
  refused("probe", "--model configs/models/policy --in /nowhere.jsonl --out /dev/null", {"probe.in", "/nowhere.jsonl"});
  refused("evaluate", "--evaluate.heldout=/nowhere.jsonl", {"/nowhere.jsonl"});
  refused("evaluate", "--evaluate.checkpoint=/nowhere", {"evaluate.checkpoint", "evaluate.heldout"});
  refused("online_rl", "--audit.every_versions=5", {"audit.every_versions", "audit.heldout"});
  refused("online_rl", "--audit.cases=3", {"audit.cases", "7..100000"});
  refused("simulate_users", "--http.port=30000", {"http.port"});  // another job's setting
}

TEST_CASE("the tokenizer recipe makes the same bytes twice") {
  const fs::path folder = fs::temp_directory_path() / ("clawrl_tokenizer_" + std::to_string(::getpid()));
  for (const char* name : {"one", "two"}) {
    const Result result =
        run(jobs().at("train_tokenizer") + " --tokenizer.vocabulary=2000 --tokenizer.out=" + (folder / name).string());
    INFO(result.output);
    CHECK(result.code == 0);
  }
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) {
    CHECK(read(folder / "one" / file).size() > 1000);
    CHECK(read(folder / "one" / file) == read(folder / "two" / file));
  }
  fs::remove_all(folder);
}

TEST_CASE("probe answers line by line, goes on after a bad one, and says so with its exit code") {
  const fs::path folder = fs::temp_directory_path() / ("clawrl_probe_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const auto ask = [&](const std::string& questions) {
    std::ofstream(folder / "in.jsonl") << questions;
    return run(jobs().at("probe") + " --model configs/models/policy --in " + (folder / "in.jsonl").string() +
               " --out=" + (folder / "out.jsonl").string());
  };
  const Result good = ask("{\"op\":\"encode\",\"text\":\"hello\",\"id\":3}\n");
  INFO(good.output);
  CHECK(good.code == 0);
  CHECK(read(folder / "out.jsonl").starts_with("{\"id\":3,\"ids\":["));
  CHECK(ask("nonsense\n{\"op\":\"decode\",\"ids\":[]}\n").code == 1);
  CHECK(contains(read(folder / "out.jsonl"), "line 1: the line is not valid JSON"));
  CHECK(contains(read(folder / "out.jsonl"), "\n{\"text\":\"\"}\n"));
  fs::remove_all(folder);
}

TEST_CASE("sft makes a whole model folder of a tokenizer and a chat template, as the README says") {
  const fs::path folder = fs::temp_directory_path() / ("clawrl_sft_" + std::to_string(::getpid())),
                 model = folder / "prm";
  fs::create_directories(folder);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy_file(fs::path(CLAWRL_SOURCE_DIR "/configs/models/prm") / file, folder / file);
  const std::string chat_template = "configs/models/prm/chat_template.jinja";
  const std::string kind = GENERATE("judge", "both");
  const Result result = run(
      jobs().at("sft") + " --sft.kind=" + kind + " --sft.tokens=2000 --sft.batch_tokens=1000 --sft.layers=1" +
      " --sft.tokenizer=" + folder.string() + " --sft.chat_template=" + chat_template + " --sft.out=" + model.string());
  INFO(result.output);
  CHECK(result.code == 0);
  for (const char* file : {"config.json", "model.safetensors", "tokenizer.json"}) CHECK(fs::exists(model / file));
  CHECK(read(model / "chat_template.jinja") == read(fs::path(CLAWRL_SOURCE_DIR) / chat_template));
  fs::remove_all(folder);
}
