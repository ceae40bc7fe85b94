#include "roles/local_generator.hpp"

#include "core/error.hpp"
#include "roles/model_tokenizer.hpp"
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

std::vector<std::string> LocalGenerator::generate(const std::vector<std::vector<Message>>& conversations,
                                                  float temperature, std::uint64_t seed, std::int32_t max_tokens) {
  std::vector<Completion> done(conversations.size());
  for (std::size_t i = 0; i < conversations.size(); ++i) {
    GenerateRequest request;
    request.id = {i};
    request.prompt = template_.render_ids(tokenizer_, conversations[i], "");
    request.sampling.temperature = temperature;
    request.sampling.seed = seed + i;
    request.stop.max_tokens = max_tokens;
    request.stop.stop_tokens = policy_->config().eos_tokens;
    engine_.submit(std::move(request));
  }
  while (engine_.step())
    for (const CompletionDelta& delta : engine_.take_deltas()) append(done[delta.id.value], delta.part);
  for (const CompletionDelta& delta : engine_.take_deltas()) append(done[delta.id.value], delta.part);
  std::vector<std::string> replies;
  for (const Completion& completion : done) {
    require(completion.finish != FinishReason::failed, "generation failed: " + completion.error);
    replies.push_back(tokenizer_.decode(completion.ids, true));
  }
  return replies;
}

}  // namespace clawrl
