// Decode speed with 1, 8 and 64 live adapters (64 rows), and what a commit costs with full weights and with LoRA.
// CSV lines: name,size,rank,adapters,value,unit; times are CPU time of this process, one thread.
#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <random>

#include "core/error.hpp"
#include "model/policy.hpp"

using namespace clawrl;

namespace {

constexpr std::int32_t block_size = 16, prompt = 128, steps = 8, sequences = 64;
constexpr int repetitions = 7;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const std::function<void()>& work) {
  const double begin = cpu_seconds();
  work();
  return cpu_seconds() - begin;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Report {
  std::string size;
  std::int32_t rank;
  void operator()(const std::string& name, std::int64_t adapters, double value, const std::string& unit) const {
    std::cout << name << ',' << size << ',' << rank << ',' << adapters << ',' << value << ',' << unit << std::endl;
  }
};

using Values = std::vector<std::vector<float>>;  // one per view

Values random_values(const std::vector<ParameterView>& views, unsigned seed) {
  std::minstd_rand random(seed);
  Values values;
  for (const auto& view : views) {
    auto& of = values.emplace_back(static_cast<std::size_t>(view.elements()));
    for (auto& x : of) x = 1e-2F * (static_cast<float>(random() % 2001U) / 1000.0F - 1);
  }
  return values;
}

void commit(Policy& policy, std::int64_t version, const Values& values) {
  const auto shadow = policy.shadow(version);
  for (std::size_t i = 0; i < shadow.size(); ++i) std::memcpy(shadow[i].data, values[i].data(), shadow[i].bytes());
  policy.publish(version);
}

// Sequence i is of version 1 + i % adapters; 0 adapters = the base for all.
double decode(Policy& policy, const std::vector<std::vector<std::int32_t>>& tables, std::int64_t adapters) {
  const TokenId token = 1;
  return seconds_of([&] {
    for (std::int32_t s = 0; s < steps; ++s) {
      std::vector<SequenceStep> batch;
      for (std::int64_t i = 0; i < sequences; ++i)
        batch.push_back(
            {adapters > 0 ? 1 + i % adapters : 0, {&token, 1}, prompt + s, tables[static_cast<std::size_t>(i)], true});
      policy.step(batch);
    }
  });
}

std::vector<std::vector<std::int32_t>> fill_cache(Policy& policy) {
  constexpr std::int32_t each = (prompt + steps + block_size - 1) / block_size;
  policy.allocate_cache(sequences * each, block_size);
  const std::vector<TokenId> ids(prompt, 1);
  std::vector<std::vector<std::int32_t>> tables;
  for (std::int32_t i = 0; i < sequences; ++i) {
    auto& table = tables.emplace_back();
    for (std::int32_t b = 0; b < each; ++b) table.push_back(i * each + b);
    const SequenceStep step{0, ids, 0, table, false};
    policy.step({&step, 1});
  }
  return tables;
}

void compare_decode(const std::string& folder, const Report& report) {
  auto policy = make_policy(folder, "cpu", {report.rank, 16});
  for (std::int64_t version = 1; version <= sequences; ++version) {
    const auto values = random_values(policy->shadow(version), static_cast<unsigned>(version));
    commit(*policy, version, values);
  }
  const auto tables = fill_cache(*policy);
  std::map<std::int64_t, std::vector<double>> times;
  for (int i = 0; i <= repetitions; ++i)  // in turns, so that all see the same machine; the first round is not counted
    for (const std::int64_t adapters : {0, 1, 8, 64}) {
      const double time = decode(*policy, tables, adapters);
      if (i > 0) times[adapters].push_back(time);
    }
  for (const auto& [adapters, of] : times) report("decode", adapters, sequences * steps / median(of), "tokens/s");
  for (const auto& [adapters, of] : times) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < of.size(); ++i) ratios.push_back(of[i] / times[1][i]);
    report("decode.time_over_one_adapter", adapters, median(ratios), "x");
  }
}

double commit_time(const std::string& folder, const LoraConfig& lora, const Report& report, const std::string& name) {
  auto policy = make_policy(folder, "cpu", lora);
  const auto values = random_values(policy->shadow(1), 1);
  policy->discard(1);
  std::size_t bytes = 0;
  for (const auto& of : values) bytes += of.size() * sizeof(float);
  std::vector<double> times;
  for (std::int64_t version = 1; version <= repetitions + 1; ++version) {
    times.push_back(seconds_of([&] { commit(*policy, version, values); }));
    policy->discard(version);
  }
  times.erase(times.begin());
  report("commit." + name, 1, 1e3 * median(times), "ms");
  report("commit." + name + ".bytes", 1, static_cast<double>(bytes), "bytes to each receiver");
  return median(times);
}

ModelConfig small() {  // the shape of the peers' make_model.py --size small
  ModelConfig c;
  c.hidden_size = 512, c.num_layers = 12, c.num_heads = 8, c.num_kv_heads = 4, c.head_dim = 64;
  c.intermediate_size = 3072, c.vocab_size = 8192;
  c.eos_tokens = {0};
  return c;
}

}  // namespace

int main(int argc, char** argv) try {
  const bool make = argc == 4 && argv[3] == std::string("--make");
  require(argc == 3 || make, "usage: lora_batch MODEL_FOLDER RANK [--make]");
  const std::string folder = argv[1];
  if (make) write_random_model(small(), 1, folder);
  const Report report{std::filesystem::path(folder).filename().string(), std::stoi(argv[2])};
  compare_decode(folder, report);
  const double full = commit_time(folder, {}, report, "full");
  const double lora = commit_time(folder, {report.rank, 16}, report, "lora");
  report("commit.full_over_lora", 1, full / lora, "x");
} catch (const std::exception& error) {
  std::cerr << "lora_batch: " << error.what() << std::endl;
  return 1;
}
