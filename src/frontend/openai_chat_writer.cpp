// The chat completion object and its chunks.

#include <nlohmann/json.hpp>

#include "frontend/openai_values.hpp"
#include "frontend/reply_writer.hpp"
#include "frontend/sse.hpp"

namespace clawrl {
namespace {

using values::dump;
using values::Json;

Json message_json(const Message& reply) {
  const bool only_calls = reply.text.empty() && !reply.tool_calls.empty();
  Json json = {{"role", "assistant"}, {"content", only_calls ? Json(nullptr) : Json(reply.text)}};
  if (!reply.reasoning.empty()) json["reasoning_content"] = reply.reasoning;
  for (const ToolCall& call : reply.tool_calls)
    json["tool_calls"].push_back(
        {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  return json;
}

Json call_json(const ToolCallDelta& delta) {
  Json call = {{"index", delta.index}};
  if (!delta.id.empty()) {
    call["id"] = delta.id;
    call["type"] = "function";
    call["function"]["name"] = delta.name;
  }
  call["function"]["arguments"] = delta.arguments;
  return {{"tool_calls", Json::array({std::move(call)})}};
}

Json token_json(const std::string& text, float logprob) {
  Json bytes = Json::array();
  for (unsigned char byte : text) bytes.push_back(byte);
  return {{"token", text}, {"logprob", logprob}, {"bytes", std::move(bytes)}};
}

Json logprobs_json(const std::vector<TokenLogprob>& tokens) {
  Json content = Json::array();
  for (const TokenLogprob& token : tokens) {
    Json one = token_json(token.text, token.logprob);
    one["top_logprobs"] = Json::array();
    for (const auto& [text, logprob] : token.top) one["top_logprobs"].push_back(token_json(text, logprob));
    content.push_back(std::move(one));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

class ChatWriter : public ReplyWriter {
 public:
  ChatWriter(const ReplyHead& head, bool with_logprobs)
      : head_(head),
        with_logprobs_(with_logprobs),
        prefix_(values::open_object(
            {{"id", head.id}, {"object", "chat.completion.chunk"}, {"created", head.created}, {"model", head.model}})) {
  }

  std::string opening(int choice) override { return chunk(choice, R"({"role":"assistant","content":""})", "null", {}); }
  std::string nothing(int choice) override { return chunk(choice, R"({"content":""})", "null", {}); }

  std::string event(const ReplyDelta& delta) override {
    switch (delta.kind) {
      case ReplyDelta::Kind::text:
        return chunk(delta.choice, dump({{"content", delta.text}}), "null", delta.logprobs);
      case ReplyDelta::Kind::reasoning:
        return chunk(delta.choice, dump({{"reasoning_content", delta.text}}), "null", delta.logprobs);
      case ReplyDelta::Kind::call:
        return chunk(delta.choice, dump(call_json(delta.call)), "null", delta.logprobs);
      case ReplyDelta::Kind::finish:
        break;
    }
    return chunk(delta.choice, "{}", dump(delta.text), delta.logprobs);
  }

  std::string end(const ReplyDelta& last, const ChatUsage& usage, bool include_usage) override {
    const std::string counts = dump(values::usage(usage));
    if (!include_usage) return chunk(last.choice, "{}", dump(last.text), last.logprobs, counts).append(kSseDone);
    return (event(last) + sse_event(prefix_ + ",\"choices\":[],\"usage\":" + counts + "}")).append(kSseDone);
  }

  std::string whole(const std::vector<WholeReply>& replies, const ChatUsage& usage) override {
    Json choices = Json::array();
    for (const WholeReply& reply : replies)
      choices.push_back({{"index", choices.size()},
                         {"message", message_json(reply.message)},
                         {"logprobs", with_logprobs_ ? logprobs_json(reply.logprobs) : Json(nullptr)},
                         {"finish_reason", reply.finish_reason}});
    return dump({{"id", head_.id},
                 {"object", "chat.completion"},
                 {"created", head_.created},
                 {"model", head_.model},
                 {"choices", std::move(choices)},
                 {"usage", values::usage(usage)}});
  }

 private:
  std::string chunk(int choice, std::string_view delta, std::string_view finish_reason,
                    const std::vector<TokenLogprob>& logprobs, std::string_view usage = "") const {
    std::string json = prefix_;
    json.append(",\"choices\":[{\"index\":").append(std::to_string(choice)).append(",\"delta\":").append(delta);
    if (with_logprobs_) json.append(",\"logprobs\":").append(logprobs.empty() ? "null" : dump(logprobs_json(logprobs)));
    json.append(",\"finish_reason\":").append(finish_reason).append("}]");
    if (!usage.empty()) json.append(",\"usage\":").append(usage);
    return sse_event(json += '}');
  }

  const ReplyHead head_;
  const bool with_logprobs_;
  const std::string prefix_;  // {"id":...,"model":"..."
};

}  // namespace

std::unique_ptr<ReplyWriter> chat_writer(const ReplyHead& head, bool with_logprobs) {
  return std::make_unique<ChatWriter>(head, with_logprobs);
}

}  // namespace clawrl
