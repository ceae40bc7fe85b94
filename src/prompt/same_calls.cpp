#include "prompt/same_calls.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace clawrl {
namespace {

bool same_arguments(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto json = [](const std::string& text) {
    return nlohmann::json::parse(text.empty() ? "{}" : text, nullptr, /*allow_exceptions=*/false);
  };
  const nlohmann::json left = json(a);
  return !left.is_discarded() && left == json(b);
}

}  // namespace

bool same_calls(const std::vector<ToolCall>& a, const std::vector<ToolCall>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ToolCall& x, const ToolCall& y) {
    return x.name == y.name && same_arguments(x.arguments, y.arguments);
  });
}

}  // namespace clawrl
