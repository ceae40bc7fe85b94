// Supervised training of the demo models from the generated corpus. Alone or under mpirun (every rank trains its
// share).

#include <chrono>
#include <filesystem>
#include <iostream>
#include <numeric>

#include "comm/mpi_collectives.hpp"
#include "comm/mpi_environment.hpp"
#include "config/parse.hpp"
#include "core/error.hpp"
#include "demo/corpus.hpp"
#include "model/model_folder.hpp"
#include "roles/supervised_training.hpp"

namespace {

using namespace clawrl;
namespace fs = std::filesystem;

struct SftSettings {
  std::string kind = "policy", from, tokenizer = "configs/models/policy", chat_template, out = "out/sft/model";
  SupervisedSettings training;
  std::uint64_t seed = 1;
  std::int64_t hidden = 128, intermediate = 384, layers = 4, heads = 4, kv_heads = 2, head_dim = 32;
  double require_loss = 0;
};

void describe(SettingList& list, SftSettings& s) {
  list.add("sft.kind", s.kind, "what the model learns; both: a policy that can judge itself",
           {"policy", "judge", "both"});
  list.add("sft.from", s.from, "model folder to start from; empty = random weights of the shape below");
  list.add("sft.tokenizer", s.tokenizer, "folder of the tokenizer");
  list.add("sft.chat_template", s.chat_template, "Jinja file; empty = the tokenizer's folder's");
  list.add("sft.out", s.out, "model folder to write");
  list.add("sft.tokens", s.training.tokens, "tokens to train on", at_least(1));
  list.add("sft.batch_tokens", s.training.batch_tokens, "tokens per optimiser step", at_least(1));
  list.add("sft.report_every", s.training.report_every, "steps between two lines", at_least(1));
  list.add("sft.save_every", s.training.save_every, "steps between two saved folders; 0 = only at the end",
           at_least(0));
  list.add("sft.seed", s.seed, "of the weights and the documents");
  list.add("sft.hidden", s.hidden, "width", between(8, 65536));
  list.add("sft.intermediate", s.intermediate, "width of the MLP", between(8, 262144));
  list.add("sft.layers", s.layers, "number of layers", between(1, 200));
  list.add("sft.heads", s.heads, "query heads", between(1, 256));
  list.add("sft.kv_heads", s.kv_heads, "key and value heads", between(1, 256));
  list.add("sft.head_dim", s.head_dim, "width of a head", between(2, 512));
  list.add("sft.require_loss", s.require_loss, "fail unless the final loss is below; 0 = off", at_least(0));
}

ModelConfig shape(const SftSettings& s, const Tokenizer& tokenizer) {
  ModelConfig c;
  c.vocab_size = (tokenizer.vocab_size() + 63) / 64 * 64;
  c.hidden_size = s.hidden;
  c.intermediate_size = s.intermediate;
  c.num_layers = s.layers;
  c.num_heads = s.heads;
  c.num_kv_heads = s.kv_heads;
  c.head_dim = s.head_dim;
  c.max_positions = 32768;
  c.eos_tokens = {tokenizer.id_of("<|im_end|>").value(), tokenizer.id_of("<|endoftext|>").value()};
  return c;
}

void save_model(Learner& learner, const SftSettings& s) {
  save_weights(s.out, learner.config(), learner.parameters(), DType::bf16);
  const auto copy = [&](const fs::path& from, const char* file) {
    const fs::path to = fs::path(s.out) / file;
    if (fs::exists(from) && !(fs::exists(to) && fs::equivalent(from, to)))
      fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  };
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"})
    copy(fs::path(s.tokenizer) / file, file);
  if (!s.chat_template.empty()) copy(s.chat_template, "chat_template.jinja");
}

int run(const MpiEnvironment& mpi, const RunConfig& config, SftSettings s) {
  const bool full = config.trainer.lora.rank == 0 && config.trainer.lora.adapter.empty();
  require(full && config.trainer.dtype == "fp32",
          "trainer.lora_rank, trainer.lora_adapter and trainer.dtype: sft trains full weights in fp32 only");
  const Tokenizer tokenizer = Tokenizer::load(s.tokenizer + "/tokenizer.json");
  const ChatTemplate chat_template = ChatTemplate::load(s.tokenizer, s.chat_template);
  std::vector<int> world(static_cast<std::size_t>(mpi.size()));
  std::iota(world.begin(), world.end(), 0);
  const auto collectives = make_mpi_collectives(world);
  if (s.from.empty()) {
    s.from = s.out + ".start";
    if (mpi.rank() == 0) write_random_model(shape(s, tokenizer), s.seed, s.from);
    collectives->barrier();
  }
  OptimizerSettings optimizer = config.trainer.optimizer;
  optimizer.total_steps = s.training.tokens / s.training.batch_tokens + 1;
  const LossSettings& loss = config.trainer.loss;
  require(loss.name == "sft", "trainer.loss: sft trains with the loss sft only, not '" + loss.name + "'");
  const auto learner = make_learner(s.from, optimizer, loss, *collectives);
  check_vocabulary(learner->config(), tokenizer.vocab_size(), s.tokenizer);
  demo::Corpus corpus(demo::Split::train, s.seed + 100);
  const bool both = s.kind == "both";  // a policy that judges itself is asked about its own replies
  const double self_share = both ? 0.8 : demo::Corpus::usual_self_share;
  bool judges = s.kind == "judge";
  const auto next = [&] {
    if (both) judges = !judges;
    return demo::supervised_sample(judges ? corpus.judge_document(self_share) : corpus.policy_document(), tokenizer,
                                   chat_template);
  };
  const auto begin = std::chrono::steady_clock::now();
  const double final_loss = train_supervised(
      *learner, mpi.rank(), mpi.size(), s.training, next, [&] { save_model(*learner, s); },
      [&](const StepMetrics& m, std::int64_t tokens) {
        if (mpi.rank() != 0) return;
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        std::cout << "step " << m.step << " tokens " << tokens << " loss " << m.loss << " lr " << m.learning_rate
                  << " grad " << m.grad_norm << " tokens/s " << static_cast<std::int64_t>(tokens / seconds.count())
                  << std::endl;
      });
  require(
      s.require_loss <= 0 || final_loss < s.require_loss,
      "final loss " + std::to_string(final_loss) + " is not below sft.require_loss " + std::to_string(s.require_loss));
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  SftSettings settings;
  SettingList own;
  describe(own, settings);
  RunConfig config;
  config.trainer.loss.name = "sft";
  config.trainer.optimizer.learning_rate = 2e-3;
  config.trainer.optimizer.warmup_steps = 100;
  std::string help;
  const JobDescription job{"sft", "Supervised training of a demo model from the generated corpus.", {"trainer"}};
  if (!parse(argc, argv, job, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  MpiEnvironment mpi(argc, argv);
  try {
    return run(mpi, config, settings);
  } catch (const std::exception& error) {
    mpi.fail("sft", error.what());
  }
} catch (const std::exception& error) {
  std::cerr << "sft: " << error.what() << std::endl;
  return 1;
}
