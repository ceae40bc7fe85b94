// What the model alone can do: prefill, decode and scoring, without engine, sampler or network. CSV lines as the peer
// benchmarks print them: name,size,dtype,threads,batch,value,unit, per CPU second of this process.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>
#include <random>

#include "core/error.hpp"
#include "model/policy.hpp"

using namespace clawrl;

namespace {

constexpr std::int32_t block_size = 16, decode_prompt = 128, decode_steps = 32, repetitions = 5;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::vector<TokenId> tokens(std::int64_t count, std::int64_t vocab, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(vocab)));
  return ids;
}

void report(const std::string& name, const std::string& size, int batch, double work,
            const std::function<void()>& once) {
  once();
  std::vector<double> rates;
  for (int i = 0; i < repetitions; ++i) {
    const double begin = cpu_seconds();
    once();
    rates.push_back(work / (cpu_seconds() - begin));
  }
  std::sort(rates.begin(), rates.end());
  auto line = [&](const char* suffix, double value) {
    std::cout << name << suffix << ',' << size << ",float32,1," << batch << ',' << value << ",tokens/s" << std::endl;
  };
  line("", rates[rates.size() / 2]);
  line(".best", rates.back());
  line(".worst", rates.front());
}

// Sequence `index` owns the blocks from index * blocks_each on.
std::vector<std::int32_t> table(std::int32_t index, std::int32_t blocks_each) {
  std::vector<std::int32_t> blocks;
  for (std::int32_t b = 0; b < blocks_each; ++b) blocks.push_back(index * blocks_each + b);
  return blocks;
}

void prefill(Policy& policy, const std::string& size, std::int32_t length) {
  const auto ids = tokens(length, policy.config().vocab_size, 0);
  const auto blocks = table(0, (length + block_size - 1) / block_size);
  const SequenceStep step{0, ids, 0, blocks, true};
  report("clawrl.prefill_" + std::to_string(length), size, 1, length, [&] { policy.step({&step, 1}); });
}

void decode(Policy& policy, const std::string& size, std::int32_t batch) {
  const auto vocab = static_cast<std::size_t>(policy.config().vocab_size);
  const std::int32_t blocks_each = (decode_prompt + decode_steps + block_size - 1) / block_size;
  std::vector<std::vector<TokenId>> prompts;
  std::vector<std::vector<std::int32_t>> tables;
  for (std::int32_t i = 0; i < batch; ++i) {
    prompts.push_back(tokens(decode_prompt, policy.config().vocab_size, static_cast<unsigned>(i)));
    tables.push_back(table(i, blocks_each));
    const SequenceStep step{0, prompts.back(), 0, tables.back(), false};
    policy.step({&step, 1});
  }
  std::vector<TokenId> next(static_cast<std::size_t>(batch), 1);
  report("clawrl.decode", size, batch, static_cast<double>(batch) * decode_steps, [&] {
    for (std::int32_t s = 0; s < decode_steps; ++s) {
      std::vector<SequenceStep> steps;
      for (std::size_t i = 0; i < next.size(); ++i)
        steps.push_back({0, {&next[i], 1}, decode_prompt + s, tables[i], true});
      const auto logits = policy.step(steps);
      for (std::size_t i = 0; i < next.size(); ++i) {
        const auto row = logits.subspan(i * vocab, vocab);
        next[i] = static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
      }
    }
  });
}

void score(Policy& policy, const std::string& size) {
  std::vector<ScoreRequest> requests;
  for (unsigned i = 0; i < 4; ++i)
    requests.push_back({tokens(512, policy.config().vocab_size, i), 1, 1.0F, 0, 0, {}, {}});
  report("clawrl.score", size, 4, 4 * 512, [&] { policy.score(0, requests); });
}

// The shapes of the peers' make_model.py, with random weights.
ModelConfig shape(const std::string& name) {
  ModelConfig c;
  const std::int64_t tiny[] = {128, 4, 4, 2, 32, 384, 2048}, small[] = {512, 12, 8, 4, 64, 3072, 8192};
  require(name == "tiny" || name == "small", "shape '" + name + "' is unknown; allowed: tiny, small");
  const auto* v = name == "tiny" ? tiny : small;
  c.hidden_size = v[0], c.num_layers = v[1], c.num_heads = v[2], c.num_kv_heads = v[3], c.head_dim = v[4];
  c.intermediate_size = v[5], c.vocab_size = v[6];
  c.eos_tokens = {0};
  return c;
}

}  // namespace

int main(int argc, char** argv) try {
  require(argc == 2 || argc == 4, "usage: decode_step MODEL_FOLDER [--make tiny|small]");
  const std::string folder = argv[1];
  if (argc == 4) write_random_model(shape(argv[3]), 1, folder);
  const auto size = std::filesystem::path(folder).filename().string();
  auto policy = make_policy(folder);
  policy->allocate_cache(512, block_size);
  for (const std::int32_t batch : {1, 8, 32}) decode(*policy, size, batch);
  prefill(*policy, size, 512);
  score(*policy, size);
} catch (const std::exception& error) {
  std::cerr << "decode_step: " << error.what() << std::endl;
  return 1;
}
