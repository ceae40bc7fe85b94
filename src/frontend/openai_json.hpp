#pragma once
// The OpenAI chat format to our structs and back. Pure functions, no sockets; JSON is met only in the .cpp files.

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/chat_service.hpp"

namespace clawrl {

/// A request that is answered with `error` instead of a reply.
struct RequestError : std::runtime_error {
  explicit RequestError(ChatError what) : std::runtime_error(what.message), error(std::move(what)) {}
  ChatError error;
};

/// The headers that say the same as body fields; a header wins over its field, of the session ids the first one.
struct RequestHeaders {
  std::optional<std::string> session_id = {};        // X-Session-Id        | session_id
  std::optional<std::string> turn_type = {};         // X-Turn-Type         | turn_type: main, side
  std::optional<std::string> session_done = {};      // X-Session-Done      | session_done: true/1/yes/on, false/...
  std::optional<std::string> session_affinity = {};  // x-session-affinity
  std::optional<std::string> session_id_underscored = {};  // session_id
  std::optional<std::string> client_request_id = {};       // x-client-request-id
  // X-Learning | metadata.learning, the strictest counts: on, store, off; then "; scope=session" | learning_scope
  std::optional<std::string> learning = {};
};

/// `header`: the value of a header by its name, nullopt if it is absent or empty.
RequestHeaders request_headers(const std::function<std::optional<std::string>(const char*)>& header);

struct ParsedChat {
  ChatRequest request;
  bool include_usage = false;  // stream_options.include_usage
};

/// Strict about the types and ranges of the fields that it knows (the error names the field as `param`), blind to
/// others. Without effect: parallel_tool_calls. Throws RequestError.
ParsedChat parse_chat_request(std::string_view body, const RequestHeaders& headers = {});

std::string new_completion_id();  // "chatcmpl-" and 24 hexadecimal digits

std::string format_error(const ChatError& error);
std::string format_models(const std::vector<ModelCard>& models);
std::string format_health(const std::string& problem);
/// `content` is null when there are calls and no text.
std::string format_completion(const std::string& id, std::int64_t created, const std::string& model,
                              const Message& reply, const std::string& finish_reason, const ChatUsage& usage);

/// The events of one streamed reply, each ready to be sent ("data: {...}\n\n").
class ChunkWriter {
 public:
  ChunkWriter(const std::string& id, std::int64_t created, const std::string& model);
  std::string role() const;                             // first chunk: delta {role, content ""}
  std::string text(std::string_view delta) const;       // "" makes the empty chunk that feeds clients' watchdogs
  std::string reasoning(std::string_view delta) const;  // reasoning_content
  std::string tool_call(const ToolCallDelta& delta) const;
  /// The chunk with finish_reason, usage and [DONE]. Usage is always there: on a chunk of its own with empty choices
  /// when the client asked for it (include_usage), else on the finish chunk, where no client trips over it.
  std::string finish(const std::string& finish_reason, const ChatUsage& usage, bool include_usage) const;
  static std::string error(const ChatError& error);  // error event and [DONE]

 private:
  std::string chunk(std::string_view delta, std::string_view finish_reason, std::string_view usage) const;
  std::string head_;  // {"id":...,"model":"..."
};

}  // namespace clawrl
