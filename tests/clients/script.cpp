#include "clients/script.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace clawrl::test {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view opening = "<|im_start|>assistant\n", closing = "<|im_end|>";

std::vector<std::string> texts(const ordered_json& rule, const char* field) {
  if (!rule.contains(field)) return {};
  if (rule[field].is_string()) return {rule[field].get<std::string>()};
  return rule[field].get<std::vector<std::string>>();
}

/// In the hermes format, which the demo policy's template uses.
std::string with_calls(std::string reply, const ordered_json& calls) {
  for (const ordered_json& call : calls)
    reply += (reply.empty() ? "" : "\n") + ("<tool_call>\n" + call.dump()) + "\n</tool_call>";
  return reply;
}

ScriptRule rule_of(const ordered_json& json) {
  ScriptRule rule;
  rule.when = texts(json, "when");
  rule.unless = texts(json, "unless");
  rule.times = json.value("times", 0);
  rule.think = json.value("think", "");
  rule.reply = with_calls(json.value("reply", ""), json.value("calls", ordered_json::array()));
  rule.first_token_s = json.value("first_token_s", 0.0);
  rule.token_s = json.value("token_s", 0.0);
  rule.fail = json.value("fail", "");
  rule.endless = json.value("endless", false);
  require(!rule.endless || !rule.reply.empty(), "script.file: an endless rule needs a reply to repeat");
  return rule;
}

}  // namespace

std::string_view after_last_reply(std::string_view prompt) {
  const auto generation = prompt.rfind(opening);
  if (generation == 0 || generation == std::string_view::npos) return prompt;
  const auto reply = prompt.rfind(opening, generation - 1);
  if (reply == std::string_view::npos) return prompt;
  return prompt.substr(std::min(prompt.find(closing, reply), prompt.size()));
}

Script Script::load(const std::string& path) {
  std::ifstream file(path);
  require(file.good(), "script.file: cannot read " + path);
  Script script;
  try {
    const auto json = ordered_json::parse(file);
    for (const ordered_json& rule : json.at("rules")) script.entries_.push_back({rule_of(rule)});
  } catch (const nlohmann::json::exception& error) {
    throw UserError("script.file: " + path + ": " + error.what());
  }
  return script;
}

ScriptRule Script::choose(std::string_view prompt) {
  const std::string_view asked = after_last_reply(prompt);
  const auto has = [&](const std::string& text) { return asked.find(text) != std::string_view::npos; };
  for (Entry& entry : entries_) {
    const ScriptRule& rule = entry.rule;
    if (rule.times > 0 && entry.used == rule.times) continue;
    if (!std::all_of(rule.when.begin(), rule.when.end(), has)) continue;
    if (std::any_of(rule.unless.begin(), rule.unless.end(), has)) continue;
    ++entry.used;
    return rule;
  }
  throw UserError("the script has no rule for a prompt that ends with: " +
                  std::string(asked.substr(asked.size() - std::min<std::size_t>(asked.size(), 300))));
}

}  // namespace clawrl::test
