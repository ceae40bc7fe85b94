#include "trainer/torch/losses/loss.hpp"

#include <map>

#include "core/error.hpp"

namespace clawrl {
namespace {

// Function-local, because registrations of other files may run before this file's globals exist.
std::map<std::string, Loss>& registry() {
  static std::map<std::string, Loss> losses;
  return losses;
}

}  // namespace

LossRegistration::LossRegistration(const std::string& name, Loss loss) {
  expect(registry().emplace(name, loss).second, "loss '" + name + "' is registered twice");
}

const Loss& find_loss(const std::string& name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second;
  std::string allowed;
  for (const auto& known : loss_names()) allowed += (allowed.empty() ? "" : ", ") + known;
  throw UserError("loss.name: '" + name + "' is not known; allowed: " + allowed);
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const auto& [name, loss] : registry()) names.push_back(name);
  return names;
}

Aggregation parse_aggregation(const std::string& name) {
  if (name == "token_mean") return Aggregation::token_mean;
  if (name == "sequence_mean") return Aggregation::sequence_mean;
  if (name == "token_sum") return Aggregation::token_sum;
  throw UserError("loss.aggregation: '" + name + "' is not known; allowed: token_mean, sequence_mean, token_sum");
}

double token_weight(Aggregation aggregation, double active_in_sequence, double active_tokens, double sequences) {
  if (aggregation == Aggregation::token_sum) return 1.0;
  if (aggregation == Aggregation::token_mean) return 1.0 / active_tokens;
  return 1.0 / (active_in_sequence * sequences);
}

}  // namespace clawrl
