#include "samples/advantage.hpp"

#include "core/registry.hpp"

namespace clawrl {
namespace {

Registry<AdvantageFunction>& registry() {
  static Registry<AdvantageFunction> methods("samples.method", {{"binary", advantage_binary},
                                                                {"opd", advantage_opd},
                                                                {"opd_topk", advantage_opd_topk},
                                                                {"combined", advantage_combined},
                                                                {"combined_topk", advantage_combined_topk}});
  return methods;
}

}  // namespace

RegisterAdvantage::RegisterAdvantage(const std::string& name, AdvantageFunction function) {
  registry().add(name, std::move(function));
}

const AdvantageFunction& find_advantage(const std::string& name) {
  return registry().find(name);
}

std::vector<std::string> advantage_names() {
  return registry().names();
}

}  // namespace clawrl
