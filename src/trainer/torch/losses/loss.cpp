#include "trainer/torch/losses/loss.hpp"

#include "core/error.hpp"
#include "core/registry.hpp"

namespace clawrl {
namespace {

Registry<Loss>& registry() {
  static Registry<Loss> losses("trainer.loss");
  return losses;
}

}  // namespace

LossRegistration::LossRegistration(const std::string& name, Loss loss) {
  registry().add(name, loss);
}

const Loss& find_loss(const std::string& name) {
  return registry().find(name);
}

std::vector<std::string> loss_names() {
  return registry().names();
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
