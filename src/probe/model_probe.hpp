#pragma once
// A loaded model and an engine around it, for questions one after the other.

#include <memory>
#include <string>

#include "probe/probe_answer.hpp"
#include "probe/probe_case.hpp"
#include "rollout/engine.hpp"

namespace clawrl {

/// One thread; a KernelRuntime must live. Both paths of one set of weights: Policy::score, and Policy::step by the
/// engine or directly. The engine keeps no prefixes, so that its blocks are free between two questions.
class ModelProbe {
 public:
  /// `context`: tokens that one question may have. Throws UserError naming what is wrong with the folder.
  ModelProbe(const std::string& folder, const std::string& device, std::int32_t context);

  LogprobsAnswer logprobs(const LogprobsCase& question);
  /// `prompt` must not be empty. The answer's text is left to the caller.
  GenerateAnswer generate(const GenerateCase& question, std::vector<TokenId> prompt);

  const ModelConfig& config() const { return policy_->config(); }

 private:
  LogprobsAnswer score(const LogprobsCase& question);
  LogprobsAnswer step(const LogprobsCase& question);
  std::vector<float> distribution(const LogprobsCase& question, std::int32_t position);
  void check_ids(const std::vector<TokenId>& ids) const;

  std::unique_ptr<Policy> policy_;
  EngineSettings settings_;
  Engine engine_;
  std::uint64_t requests_ = 0;
};

}  // namespace clawrl
