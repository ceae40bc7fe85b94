#include "prompt/canonical_arguments.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace clawrl {
namespace {

using Json = nlohmann::json;

constexpr int max_depth = 200;  // what follows recurses

bool too_deep(const std::string& text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > max_depth) return true;
  }
  return false;
}

void numbers_as_doubles(Json& value) {
  if (value.is_number()) value = value.get<double>();
  if (!value.is_structured()) return;
  for (Json& item : value) numbers_as_doubles(item);
}

}  // namespace

std::string canonical_arguments(const std::string& arguments) {
  if (too_deep(arguments)) return arguments;
  Json value = Json::parse(arguments.empty() ? "{}" : arguments, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return arguments;
  numbers_as_doubles(value);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace clawrl
