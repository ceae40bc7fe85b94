#include "rollout/generation_rule.hpp"

#include <map>

#include "core/error.hpp"

namespace clawrl {
namespace {

// Built on first use, so that registration from another file's static objects finds it.
std::map<std::string, GenerationRule>& registry() {
  static std::map<std::string, GenerationRule> rules = {{"plain", [](const GenerationInput&, GenerateRequest&) {}}};
  return rules;
}

}  // namespace

RegisterGeneration::RegisterGeneration(const std::string& name, GenerationRule rule) {
  expect(registry().emplace(name, std::move(rule)).second, "generation rule '" + name + "' is registered twice");
}

const GenerationRule& find_generation(const std::string& name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second;
  std::string known;
  for (const auto& rule : generation_names()) known += (known.empty() ? "" : ", ") + rule;
  throw UserError("rollout.generation = '" + name + "' is not allowed: one of " + known);
}

std::vector<std::string> generation_names() {
  std::vector<std::string> names;
  for (const auto& [name, rule] : registry()) names.push_back(name);
  return names;
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
