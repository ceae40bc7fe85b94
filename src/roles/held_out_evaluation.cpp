#include "roles/held_out_evaluation.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>

#include "checkpoint/checkpoint_reader.hpp"
#include "convert/convert.hpp"
#include "core/error.hpp"
#include "journal/journal.hpp"
#include "roles/held_out_question.hpp"
#include "roles/local_generator.hpp"

namespace clawrl {
namespace {

namespace fs = std::filesystem;

/// Of the checkpoint's weights as a model folder; gone at the end.
class ExportedModel {
 public:
  ExportedModel(const Checkpoint& checkpoint, const std::string& base) {
    std::string name = (fs::temp_directory_path() / "clawrl_evaluate_XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "no folder can be made in " + fs::temp_directory_path().string());
    folder_ = name;
    bool adapter = false;
    for (const ShardInfo& shard : checkpoint.shards)
      adapter |= std::any_of(shard.tensors.begin(), shard.tensors.end(),
                             [](const TensorInfo& tensor) { return tensor.name.find(".lora_") != std::string::npos; });
    ExportSettings settings;
    settings.base = base;
    settings.lora = adapter ? LoraExport::merged : LoraExport::none;
    export_checkpoint(checkpoint.path, path(), settings);
  }
  ~ExportedModel() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  ExportedModel(const ExportedModel&) = delete;
  ExportedModel& operator=(const ExportedModel&) = delete;
  std::string path() const { return (folder_ / "model").string(); }

 private:
  fs::path folder_;
};

/// A model's answers to a file of cases.
struct Scorer {
  const RunConfig& config;
  const std::vector<HeldOutCase>& cases;
  std::uint64_t seed;

  bool self() const { return config.prm.evaluator == "self"; }
  bool any_judged() const {
    return std::any_of(cases.begin(), cases.end(), [](const HeldOutCase& one) { return one.judged.has_value(); });
  }
  /// Is it the evaluator who is asked, and not the model that is scored?
  bool others(const HeldOutCase& one) const { return one.judged && !self(); }

  /// Of all cases. Where model.prm is the evaluator its verdicts are taken from judge_outcomes().
  Outcomes outcomes_of(const std::string& folder, const Outcomes& judged) const {
    LocalGenerator generator(folder, config.model.device, config.model.chat_template);
    Outcomes outcomes = judged;
    const ModelFolders& model = config.model;
    const ReplyFormat format = load_reply_format(folder, model.chat_template, model.tool_format, model.reasoning);
    ask(generator, HeldOutKind::reply, format, outcomes);
    if (self()) ask(generator, HeldOutKind::verdict, format, outcomes);
    score(generator, false, outcomes);
    return outcomes;
  }

  Outcomes judge_outcomes() const {
    Outcomes outcomes(cases.size(), 0);
    if (self() || !any_judged()) return outcomes;
    LocalGenerator generator(config.model.prm, config.model.device);
    ask(generator, HeldOutKind::verdict, {}, outcomes);
    score(generator, true, outcomes);
    return outcomes;
  }

  HeldOutQuestion question_of(const HeldOutCase& one, const LocalGenerator& generator) const {
    return held_out_question(one, judge_settings(config, generator.stop_tokens()), generator.tokenizer(),
                             generator.chat_template());
  }

  /// The losses that are this model's: those of the others(), or all but those.
  void score(LocalGenerator& generator, bool of_others, Outcomes& outcomes) const {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (!cases[i].has_loss() || others(cases[i]) != of_others) continue;
      const HeldOutQuestion asked = question_of(cases[i], generator);
      outcomes[i] = generator.loss_of(asked.ids, asked.from);
    }
  }

  void ask(LocalGenerator& generator, HeldOutKind kind, const ReplyFormat& format, Outcomes& outcomes) const {
    const bool vote = kind == HeldOutKind::verdict;
    std::vector<std::vector<TokenId>> prompts;
    std::vector<std::uint64_t> seeds;
    std::vector<std::size_t> asked;  // indices of cases
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (cases[i].kind() != kind) continue;
      asked.push_back(i);
      prompts.push_back(question_of(cases[i], generator).ids);
      seeds.push_back(case_seed(cases[i].id, seed));
    }
    const auto temperature = static_cast<float>(vote ? config.prm.temperature : config.rollout.temperature);
    const std::vector<Completion> done =
        generator.complete(prompts, temperature, seeds, vote ? config.prm.max_tokens : config.rollout.max_tokens);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ReplyStream reply = held_out_reply(generator.tokenizer(), format, prompts[i], generator.stop_tokens());
      for (TokenId id : done[i].ids) reply.push(id);
      reply.finish(done[i].finish);
      const HeldOutCase& one = cases[asked[i]];
      outcomes[asked[i]] = done[i].finish != FinishReason::failed && passes(one, ReplyRules(one), reply);
    }
  }
};

/// Of a run that is not live: the journal's lock says so otherwise.
std::unique_ptr<Journal> open_journal(const std::string& run, const Checkpoint& checkpoint) {
  const std::string path = run + "/journal.sqlite";
  require(fs::exists(path), "evaluate.run: there is no " + path);
  auto journal = std::make_unique<Journal>(path);
  require(journal->get("base_model") == checkpoint.state.base_model_hash,
          "evaluate.run " + run + ": the checkpoint " + checkpoint.path + " is of another run's weights");
  return journal;
}

}  // namespace

bool evaluate_held_out(const RunConfig& config, const HeldOutEvaluation& wanted, std::ostream& out) {
  require(wanted.run.empty() || !wanted.checkpoint.empty(),
          "evaluate.run needs evaluate.checkpoint, whose version the result is of");
  const auto cases = draw_cases(read_held_out(wanted.held_out), wanted.cases, wanted.seed);
  std::optional<Checkpoint> checkpoint;
  std::unique_ptr<Journal> journal;
  if (!wanted.checkpoint.empty()) checkpoint = open_checkpoint(wanted.checkpoint, Verify::sizes);
  if (!wanted.run.empty()) journal = open_journal(wanted.run, *checkpoint);

  const Scorer scorer{config, cases, wanted.seed};
  const Outcomes judged = scorer.judge_outcomes(), reference = scorer.outcomes_of(config.model.policy, judged);
  std::vector<AuditRecord> records = as_reference(cases, reference, 0);
  if (scorer.any_judged() && !scorer.self())
    out << "verdicts are those of " << config.model.prm << ", which no version changes\n";
  out << config.model.policy << ": " << to_text(records) << std::endl;
  bool passed = true;
  if (checkpoint) {
    const ExportedModel model(*checkpoint, config.model.policy);
    const std::int64_t version = checkpoint->state.version.number;
    const auto sets = compare(cases, reference, scorer.outcomes_of(model.path(), judged), version, wanted.margin);
    passed = !any_failed(sets);
    out << "version " << version << " (" << checkpoint->path << "): " << to_text(sets) << "\n"
        << (passed ? "passed" : "FAILED") << ": no set may lose more than " << wanted.margin
        << " beyond what chance explains" << std::endl;
    records.insert(records.end(), sets.begin(), sets.end());
  }
  if (!journal) return passed;
  for (AuditRecord& one : records) one.source = "evaluate";
  journal->save_audit(records);
  return passed;
}

}  // namespace clawrl
