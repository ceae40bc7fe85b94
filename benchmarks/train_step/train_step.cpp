// Tokens per second of one optimiser step: 4 x 512 tokens, cross-entropy on every token, full weights and LoRA.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>
#include <vector>

#include "comm/collectives.hpp"
#include "core/error.hpp"
#include "trainer/learner.hpp"

namespace {

using namespace clawrl;

constexpr int kRows = 4, kColumns = 512;

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

StepBatch random_batch(std::int64_t vocabulary) {
  StepBatch batch;
  std::uint64_t state = 1;
  for (int row = 0; row < kRows; ++row) {
    TrainingSample sample;
    for (int t = 0; t <= kColumns; ++t) {  // one more: kColumns predictions
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      sample.ids.push_back(static_cast<TokenId>((state >> 33) % static_cast<std::uint64_t>(vocabulary)));
      sample.loss_mask.push_back(t > 0);
    }
    sample.sampler_logprobs.assign(sample.ids.size(), -5.0F);
    sample.advantages.assign(sample.ids.size(), row % 2 ? -1.0F : 1.0F);
    batch.samples.push_back(std::move(sample));
  }
  batch.global_active_tokens = kRows * kColumns;
  batch.global_samples = kRows;
  return batch;
}

void measure(const std::string& folder, const std::string& figure, const std::string& loss, const LoraConfig& lora,
             int repetitions) {
  const auto collectives = make_local_collectives();
  LossSettings settings;
  settings.name = loss;
  const auto learner = make_learner(folder, {}, settings, *collectives, lora);
  StepBatch batch = random_batch(learner->config().vocab_size);
  std::vector<double> rates;
  for (int i = 0; i <= repetitions; ++i) {
    batch.step = batch.version = i + 1;
    const double start = cpu_seconds();
    learner->step(batch);
    if (i > 0) rates.push_back(kRows * kColumns / (cpu_seconds() - start));  // the first one warms up
  }
  std::sort(rates.begin(), rates.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const std::string tag = folder.substr(folder.find_last_of('/') + 1) + ",float32,1,4,";
  const char* name = figure.c_str();
  std::printf("clawrl.%s,%s%.6g,tokens/s\n", name, tag.c_str(), rates[rates.size() / 2]);
  std::printf("clawrl.%s.best,%s%.6g,tokens/s\n", name, tag.c_str(), rates.back());
  std::printf("clawrl.%s.worst,%s%.6g,tokens/s\n", name, tag.c_str(), rates.front());
  std::printf("clawrl.%s.peak_rss,%s%.6g,MiB\n", name, tag.c_str(), static_cast<double>(usage.ru_maxrss) / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: train_step MODEL_FOLDER train|lora|policy [REPETITIONS]\n");
    return 2;
  }
  try {
    const std::string figure = argv[2];
    LoraConfig lora;
    if (figure == "lora") lora = {16, 32};
    require(figure == "train" || figure == "lora" || figure == "policy",
            "figure '" + figure + "' is not known; allowed: train, lora, policy");
    measure(argv[1], figure, figure == "policy" ? "policy" : "sft", lora, argc == 4 ? std::stoi(argv[3]) : 10);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_step: %s\n", error.what());
    return 1;
  }
}
