// The gates of the demo models on held-out text, before any learning.

#include <algorithm>
#include <iostream>

#include "config/parse.hpp"
#include "core/error.hpp"
#include "demo/gates.hpp"
#include "kernels/runtime.hpp"
#include "roles/bias_audit.hpp"
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
};

int run(const RunConfig& config, const Settings& s) {
  const KernelRuntime kernels;
  const auto split = s.split == "train" ? demo::Split::train : demo::Split::held_out;
  const auto generator = [&](const std::string& folder, const std::string& chat_template) -> demo::GenerateFn {
    return [model = std::make_shared<LocalGenerator>(folder, config.model.device, chat_template)](
               const auto& conversations, float temperature, std::uint64_t seed) {
      return model->generate(conversations, temperature, seed);
    };
  };
  const demo::GenerateFn answer = generator(config.model.policy, config.model.chat_template);
  const demo::PolicyGates policy = demo::check_policy(answer, s.count, split, s.seed);
  std::cout << "policy " << config.model.policy << "\n" << to_text(policy) << std::flush;

  const demo::GenerateFn judge = generator(config.model.prm, "");
  std::cout << "judge " << config.model.prm << std::endl;
  double verdicts = 1, hints = 1;
  const auto check = [&](const std::string& source, const std::vector<demo::JudgeCase>& cases) {
    const demo::JudgeGates gates =
        demo::check_judge(judge, source, cases, static_cast<float>(config.prm.temperature), s.seed);
    verdicts = std::min(verdicts, gates.verdict_accuracy());
    hints = std::min(hints, gates.hint_accuracy());
    std::cout << to_text(gates) << std::flush;
  };
  check("corpus", demo::corpus_cases(s.count, split, s.seed));
  for (const demo::Persona& persona : demo::personas())
    check(persona.name, demo::session_cases(answer, persona, s.count, split, s.seed));

  const bool met = policy.worst_start() <= 0.2 && policy.worst_formed() >= 0.95 && policy.worst_correct() >= 0.9 &&
                   policy.worst_obeyed() >= 0.8 && verdicts >= 0.9 && hints >= 0.75;
  std::cout << "gates (start <= 0.2, well-formed >= 0.95, right answer >= 0.9 for each user; each hint obeyed >= 0.8, "
               "verdicts >= 0.9, hints >= 0.75): "
            << (met ? "met" : "NOT met") << std::endl;
  return met || !s.require_gates ? 0 : 1;
}

int audit(const Settings& s) {
  const std::vector<AuditRow> rows = bias_audit(JournalReader(s.audit + "/journal.sqlite"));
  std::cout << to_text(rows, s.margin);
  return worse_off(rows, s.margin).empty() || !s.require_gates ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Settings settings;
  SettingList own;
  own.add("evaluate.count", settings.count,
          "tasks of each kind, tasks per kind and hint, and judged turns of each user", at_least(1));
  own.add("evaluate.seed", settings.seed, "of problems, words and sampling");
  own.add("evaluate.split", settings.split, "combinations that training saw, or not", {"train", "held_out"});
  own.add("evaluate.audit", settings.audit, "folder of a run: how each group of its users fared, instead of the gates");
  own.add("evaluate.margin", settings.margin, "by so much may a group's mean reward fall", between(0, 2));
  own.add("evaluate.require", settings.require_gates,
          "exit code 1 unless all gates are met, or when a group fared worse");
  RunConfig config;
  std::string help;
  const JobDescription job{"evaluate", "Measures the demo models' gates on generated text.", {"model", "prm"}};
  if (!parse(argc, argv, job, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  return settings.audit.empty() ? run(config, settings) : audit(settings);
} catch (const std::exception& error) {
  std::cerr << "evaluate: " << error.what() << std::endl;
  return 1;
}
