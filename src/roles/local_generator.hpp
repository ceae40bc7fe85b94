#pragma once
// Replies from a model folder in this process, without a server: for evaluation.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/message.hpp"
#include "model/policy.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/tokenizer.hpp"
#include "rollout/engine.hpp"

namespace clawrl {

/// One thread; a KernelRuntime must live. Throws UserError naming what is wrong with the folder.
/// `chat_template`: a file instead of the folder's own.
class LocalGenerator {
 public:
  explicit LocalGenerator(const std::string& folder, const std::string& device = "cpu",
                          const std::string& chat_template = "");

  /// One reply per conversation, in order, batched by the engine. Conversation i is sampled with seed + i.
  std::vector<std::string> generate(const std::vector<std::vector<Message>>& conversations, float temperature,
                                    std::uint64_t seed, std::int32_t max_tokens = 128);

  /// One completion per prompt, in order, sampled with the seed at its place; what fails has its error.
  std::vector<Completion> complete(const std::vector<std::vector<TokenId>>& prompts, float temperature,
                                   std::span<const std::uint64_t> seeds, std::int32_t max_tokens);

  /// See text_loss().
  double loss_of(const std::vector<TokenId>& ids, std::int32_t from = 1);

  const Tokenizer& tokenizer() const { return tokenizer_; }
  const ChatTemplate& chat_template() const { return template_; }
  const std::vector<TokenId>& stop_tokens() const { return policy_->config().eos_tokens; }

 private:
  std::unique_ptr<Policy> policy_;
  Tokenizer tokenizer_;
  ChatTemplate template_;
  Engine engine_;
};

}  // namespace clawrl
