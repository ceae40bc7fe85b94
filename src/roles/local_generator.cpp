#include "roles/local_generator.hpp"

#include "core/error.hpp"
#include "roles/model_tokenizer.hpp"
#include "roles/text_loss.hpp"
#include "rollout/append.hpp"

namespace clawrl {

LocalGenerator::LocalGenerator(const std::string& folder, const std::string& device, const std::string& chat_template)
    : policy_(make_policy(folder, device)),
      tokenizer_(load_tokenizer(folder, policy_->config())),
      template_(ChatTemplate::load(folder, chat_template)),
      engine_(*policy_, [] {
        EngineSettings settings;
        settings.max_waiting = 1 << 20;
        return settings;
      }()) {}

std::vector<Completion> LocalGenerator::complete(const std::vector<std::vector<TokenId>>& prompts, float temperature,
                                                 std::span<const std::uint64_t> seeds, std::int32_t max_tokens) {
  expect(seeds.size() == prompts.size(), "a prompt has a seed of its own");
  std::vector<Completion> done(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    GenerateRequest request;
    request.id = {i};
    request.prompt = prompts[i];
    request.sampling.temperature = temperature;
    request.sampling.seed = seeds[i];
    request.stop.max_tokens = max_tokens;
    request.stop.stop_tokens = stop_tokens();
    engine_.submit(std::move(request));
  }
  while (engine_.step())
    for (const CompletionDelta& delta : engine_.take_deltas()) append(done[delta.id.value], delta.part);
  for (const CompletionDelta& delta : engine_.take_deltas()) append(done[delta.id.value], delta.part);
  return done;
}

double LocalGenerator::loss_of(const std::vector<TokenId>& ids, std::int32_t from) {
  return text_loss(*policy_, 0, ids, from);
}

std::vector<std::string> LocalGenerator::generate(const std::vector<std::vector<Message>>& conversations,
                                                  float temperature, std::uint64_t seed, std::int32_t max_tokens) {
  std::vector<std::vector<TokenId>> prompts;
  std::vector<std::uint64_t> seeds;
  for (const auto& conversation : conversations) {
    seeds.push_back(seed + prompts.size());
    prompts.push_back(template_.render_ids(tokenizer_, conversation, ""));
  }
  std::vector<std::string> replies;
  for (const Completion& completion : complete(prompts, temperature, seeds, max_tokens)) {
    require(completion.finish != FinishReason::failed, "generation failed: " + completion.error);
    replies.push_back(tokenizer_.decode(completion.ids, true));
  }
  return replies;
}

}  // namespace clawrl
