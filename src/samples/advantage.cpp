#include "samples/advantage.hpp"

#include <map>

#include "core/error.hpp"

namespace clawrl {
namespace {

using Registry = std::map<std::string, AdvantageFunction>;

// Built on first use, so that registration from another file's static objects finds it.
Registry& registry() {
  static Registry methods = {{"binary", advantage_binary},
                             {"opd", advantage_opd},
                             {"opd_topk", advantage_opd_topk},
                             {"combined", advantage_combined},
                             {"combined_topk", advantage_combined_topk}};
  return methods;
}

}  // namespace

RegisterAdvantage::RegisterAdvantage(const std::string& name, AdvantageFunction function) {
  expect(registry().emplace(name, std::move(function)).second, "advantage '" + name + "' is registered twice");
}

const AdvantageFunction& find_advantage(const std::string& name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second;
  std::string known;
  for (const auto& method : advantage_names()) known += (known.empty() ? "" : ", ") + method;
  throw UserError("samples.method = '" + name + "' is not allowed: one of " + known);
}

std::vector<std::string> advantage_names() {
  std::vector<std::string> names;
  for (const auto& [name, function] : registry()) names.push_back(name);
  return names;
}

}  // namespace clawrl
