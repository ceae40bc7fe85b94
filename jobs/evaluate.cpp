// The gates of the demo models on held-out text, before any learning.

#include <algorithm>
#include <iostream>

#include "config/parse.hpp"
#include "core/error.hpp"
#include "demo/gates.hpp"
#include "demo/held_out_cases.hpp"
#include "kernels/runtime.hpp"
#include "roles/bias_audit.hpp"
#include "roles/held_out_evaluation.hpp"
#include "roles/local_generator.hpp"

namespace {

using namespace clawrl;

struct Settings {
  std::int32_t count = 200;
  std::uint64_t seed = 5;
  bool require_gates = false;
  std::string audit;
  double margin = 0.1;
  std::string split = "held_out";
  std::string write_held_out;
  HeldOutEvaluation held_out;
};

int run(const RunConfig& config, const Settings& s) {
  const KernelRuntime kernels;
  const auto split = s.split == "train" ? demo::Split::train : demo::Split::held_out;
  const auto generator = [](std::shared_ptr<LocalGenerator> model, std::int32_t max_tokens) -> demo::GenerateFn {
    return [=](const auto& conversations, float temperature, std::uint64_t seed) {
      return model->generate(conversations, temperature, seed, max_tokens);
    };
  };
  constexpr std::int32_t reply_tokens = 128;
  const auto replying =
      std::make_shared<LocalGenerator>(config.model.policy, config.model.device, config.model.chat_template);
  const demo::GenerateFn answer = generator(replying, reply_tokens);
  const demo::PolicyGates policy = demo::check_policy(answer, s.count, split, s.seed);
  std::cout << "policy " << config.model.policy << "\n" << to_text(policy) << std::flush;

  const bool self = config.prm.evaluator == "self";
  const auto judging = self ? replying : std::make_shared<LocalGenerator>(config.model.prm, config.model.device, "");
  const demo::GenerateFn judge = generator(judging, config.prm.max_tokens);  // as a run asks it
  std::cout << "judge " << (self ? "of its own replies " + config.model.policy : config.model.prm) << std::endl;
  double verdicts = 1, hints = 1;
  std::vector<demo::JudgeGates> sources;
  const auto check = [&](const std::string& source, const std::vector<demo::JudgeCase>& cases) {
    const demo::JudgeGates gates =
        demo::check_judge(judge, source, cases, static_cast<float>(config.prm.temperature), s.seed, self);
    verdicts = std::min({verdicts, gates.verdict_accuracy(), gates.asked_more_accuracy()});
    hints = std::min(hints, gates.hint_accuracy());
    sources.push_back(gates);
    std::cout << to_text(gates) << std::flush;
  };
  check("corpus", demo::corpus_cases(s.count, split, s.seed));
  for (const demo::Persona& persona : demo::personas())
    check(persona.name, demo::session_cases(answer, persona, s.count, split, s.seed));

  const bool met = policy.worst_start() <= 0.2 && policy.worst_formed() >= 0.95 && policy.worst_correct() >= 0.9 &&
                   policy.worst_obeyed() >= 0.8 && verdicts >= 0.9 && hints >= 0.75 &&
                   demo::worst_blame(sources) >= 0.75;
  std::cout << "gates (start <= 0.2, well-formed >= 0.95, right answer >= 0.9 for each user; each hint obeyed >= 0.8, "
               "verdicts >= 0.9, hints, grades and quotes of errors >= 0.75): "
            << (met ? "met" : "NOT met") << std::endl;
  return met || !s.require_gates ? 0 : 1;
}

int audit(const Settings& s) {
  const std::vector<AuditRow> rows = bias_audit(JournalReader(s.audit + "/journal.sqlite"));
  std::cout << to_text(rows, s.margin);
  return worse_off(rows, s.margin).empty() || !s.require_gates ? 0 : 1;
}

int score_held_out(const RunConfig& config, Settings& s) {
  const KernelRuntime kernels;
  s.held_out.cases = s.count;
  s.held_out.seed = s.seed;
  s.held_out.margin = s.margin;
  return evaluate_held_out(config, s.held_out, std::cout) || !s.require_gates ? 0 : 1;
}

int write_cases(const Settings& s) {
  const auto cases = demo::held_out_cases(s.count, s.seed);
  write_held_out(s.write_held_out, cases);
  std::cout << cases.size() << " cases in " << s.write_held_out << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  Settings settings;
  SettingList own;
  own.add("evaluate.count", settings.count,
          "tasks of each kind, tasks per kind and hint, judged turns of each user, and held-out cases of each set",
          at_least(1));
  own.add("evaluate.seed", settings.seed, "of problems, words and sampling");
  own.add("evaluate.split", settings.split, "combinations that training saw, or not", {"train", "held_out"});
  own.add("evaluate.audit", settings.audit, "folder of a run: how each group of its users fared, instead of the gates");
  own.add("evaluate.write_heldout", settings.write_held_out,
          "write held-out cases of the demo's tasks to this file, instead of the gates");
  own.add("evaluate.heldout", settings.held_out.held_out,
          "score model.policy on this file of cases (docs/audits.md), instead of the gates");
  own.add("evaluate.checkpoint", settings.held_out.checkpoint,
          "step_* folder that is scored on them too, against model.policy, from which its run started");
  own.add("evaluate.run", settings.held_out.run, "folder of that run, which is over: its journal keeps the scores");
  own.add("evaluate.margin", settings.margin,
          "by so much may a group's mean reward or the share of passed cases of a set fall", between(0, 2));
  own.add("evaluate.require", settings.require_gates,
          "exit code 1 unless all gates are met, or when a group fared worse or a checkpoint lost too much");
  RunConfig config;
  std::string help;
  const JobDescription job{
      "evaluate", "Measures the demo models' gates on generated text.", {"model", "rollout", "prm"}};
  if (!parse(argc, argv, job, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  if (!settings.write_held_out.empty()) return write_cases(settings);
  if (!settings.held_out.held_out.empty()) return score_held_out(config, settings);
  require(settings.held_out.checkpoint.empty() && settings.held_out.run.empty(),
          "evaluate.checkpoint and evaluate.run need evaluate.heldout, the file of cases");
  return settings.audit.empty() ? run(config, settings) : audit(settings);
} catch (const std::exception& error) {
  std::cerr << "evaluate: " << error.what() << std::endl;
  return 1;
}
