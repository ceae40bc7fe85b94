#include "probe/probe_answer.hpp"

#include <nlohmann/json.hpp>

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;

Json json(const EncodeAnswer& answer) {
  return {{"ids", answer.ids}};
}
Json json(const DecodeAnswer& answer) {
  return {{"text", answer.text}};
}
Json json(const StreamAnswer& answer) {
  return {{"pieces", answer.pieces}, {"flush", answer.flush}};
}
Json json(const RenderAnswer& answer) {
  return {{"text", answer.text}, {"ids", answer.ids}};
}

Json json(const LogprobsAnswer& answer) {
  Json made{{"positions", answer.positions}, {"logprobs", answer.logprobs}};
  if (!answer.logits.empty()) made["logits"] = answer.logits;
  if (!answer.log_softmax.empty()) made["log_softmax"] = answer.log_softmax;
  return made;
}

Json json(const GenerateAnswer& answer) {
  return {{"prompt_tokens", answer.prompt_tokens},
          {"ids", answer.completion.ids},
          {"text", answer.text},
          {"finish", name(answer.completion.finish)},
          {"logprobs", answer.completion.logprobs},
          {"logprobs_t1", answer.completion.logprobs_t1}};
}

Json json(const ParseAnswer& answer) {
  Json message{
      {"role", "assistant"}, {"content", answer.message.text}, {"reasoning_content", answer.message.reasoning}};
  message["tool_calls"] = Json::array();
  for (const ToolCall& call : answer.message.tool_calls)
    message["tool_calls"].push_back(
        {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  return {
      {"message", std::move(message)}, {"finish_reason", answer.finish_reason}, {"unshown_text", answer.unshown_text}};
}

/// Texts of ours are UTF-8; a message of a foreign library may not be.
std::string line(const std::string& echo, const Json& object) {
  const std::string members = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  return echo.empty() ? members : "{" + echo + "," + members.substr(1);
}

}  // namespace

std::string answer_line(const std::string& echo, const ProbeAnswer& answer) {
  return line(echo, std::visit([](const auto& one) { return json(one); }, answer));
}

std::string error_line(const std::string& echo, const std::string& error) {
  return line(echo, {{"error", error}});
}

}  // namespace clawrl
