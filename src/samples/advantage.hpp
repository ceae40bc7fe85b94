#pragma once
// Extension point: how a judged turn becomes advantages. The trainer never learns which method made them.
//
// A new method is one .cpp file:
//   static const clawrl::RegisterAdvantage registered("mine", [](const clawrl::AdvantageInput& input) { ... });
// linked into the job (not through a static library, whose unused objects the linker drops), and samples.method = mine.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl {

/// The builder has checked that ids, log-probs and versions of the completion are whole ([R], finite); what the verdict
/// carries is the method's own to check.
struct AdvantageInput {
  const Turn& turn;
  const Verdict& verdict;
  const SamplesConfig& settings;
  double baseline = 0;                // of the reward
  double deviation = 1;               // the reward minus baseline is divided by it
  std::optional<double> reward = {};  // of samples.reward; nothing = the verdict's score
  bool in_group = false;              // baseline and deviation are of its group: a reward of 0 is one like any other
};

/// R = response tokens, K = width of the top-k term.
struct Advantages {
  std::vector<float> tokens;                 // [R]
  std::int32_t topk_width = 0;               // K; 0 = no top-k term
  std::vector<TokenId> topk_ids;             // [R,K]
  std::vector<float> topk_logprobs;          // [R,K] the sampler's
  std::vector<float> topk_advantages;        // [R,K]; 0 outside the subset
  std::vector<float> topk_teacher_logprobs;  // [R,K] or empty: see TrainingSample
  std::string exclusion;                     // not empty: the turn cannot be trained on, for this reason
};

using AdvantageFunction = std::function<Advantages(const AdvantageInput&)>;

/// Registers at program start; a name taken twice ends the program with an InternalError.
struct RegisterAdvantage {
  RegisterAdvantage(const std::string& name, AdvantageFunction function);
};

/// Throws UserError with the known names.
const AdvantageFunction& find_advantage(const std::string& name);
std::vector<std::string> advantage_names();  // sorted

// The methods that come with the suite (docs/algorithms.md).
Advantages advantage_binary(const AdvantageInput& input);
Advantages advantage_opd(const AdvantageInput& input);
Advantages advantage_opd_topk(const AdvantageInput& input);
Advantages advantage_combined(const AdvantageInput& input);
Advantages advantage_combined_topk(const AdvantageInput& input);

}  // namespace clawrl
