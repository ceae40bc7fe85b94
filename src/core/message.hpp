#pragma once
// One message of a conversation, as every client sends it and every template reads it.

#include <string>
#include <vector>

namespace clawrl {

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, kept as the model wrote it
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, name, arguments);
  }
  bool operator==(const ToolCall&) const = default;
};

struct Message {
  std::string role;       // system, user, assistant, tool
  std::string text;       // UTF-8
  std::string reasoning;  // text of the think block, if any
  std::vector<ToolCall> tool_calls;
  std::string tool_call_id;  // role tool only
  template <class Archive>
  void serialize(Archive& archive) {
    archive(role, text, reasoning, tool_calls, tool_call_id);
  }
  bool operator==(const Message&) const = default;
};

}  // namespace clawrl
