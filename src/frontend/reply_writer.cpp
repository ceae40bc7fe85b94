#include "frontend/reply_writer.hpp"

namespace clawrl {

void WholeReply::add(const ReplyDelta& delta) {
  logprobs.insert(logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
  if (delta.kind == ReplyDelta::Kind::text) message.text += delta.text;
  if (delta.kind == ReplyDelta::Kind::reasoning) message.reasoning += delta.text;
  if (delta.kind == ReplyDelta::Kind::finish) finish_reason = delta.text;
  if (delta.kind != ReplyDelta::Kind::call) return;
  const auto index = static_cast<std::size_t>(delta.call.index);
  if (message.tool_calls.size() <= index) message.tool_calls.resize(index + 1);
  ToolCall& call = message.tool_calls[index];
  call.id += delta.call.id;
  call.name += delta.call.name;
  call.arguments += delta.call.arguments;
}

}  // namespace clawrl
