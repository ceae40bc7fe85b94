#include "rollout/generation_rule.hpp"

#include "core/registry.hpp"

namespace clawrl {
namespace {

Registry<GenerationRule>& registry() {
  static Registry<GenerationRule> rules("rollout.generation",
                                        {{"plain", [](const GenerationInput&, GenerateRequest&) {}}});
  return rules;
}

}  // namespace

RegisterGeneration::RegisterGeneration(const std::string& name, GenerationRule rule) {
  registry().add(name, std::move(rule));
}

const GenerationRule& find_generation(const std::string& name) {
  return registry().find(name);
}

std::vector<std::string> generation_names() {
  return registry().names();
}

void apply(const GenerationRule& rule, const GenerationInput& input, GenerateRequest& request) {
  const RequestId id = request.id;
  const auto version = request.version;
  const Constraint constraint = request.constraint;
  rule(input, request);
  expect(request.id == id && request.prompt == input.turn.prompt && request.version == version &&
             request.constraint == constraint,
         "the generation rule changed id, prompt, version or constraint of a request");
}

}  // namespace clawrl
