#pragma once
// A small blocking OpenAI chat client: for the simulated users, evaluation and tests. Can point at any server.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/chat_service.hpp"
#include "frontend/server_url.hpp"

namespace clawrl {

struct ChatOptions {
  std::string model;
  std::string session;  // sent as X-Session-Id; empty = not sent
  std::optional<TurnType> turn_type;
  bool session_done = false;
  std::optional<double> temperature;
  std::optional<int> max_tokens;
  std::optional<std::uint64_t> seed;
  bool stream = true;
  std::string tools;   // JSON array; empty = none
  std::string fields;  // JSON object of more fields of the request, e.g. {"tool_choice":"required"}; empty = none
  std::vector<std::pair<std::string, std::string>> headers;  // more of them, e.g. {"Authorization", "Bearer k"}
};

struct ChatReply {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  std::string finish_reason;  // empty when it failed
  int status = 0;             // HTTP; 0 = no answer at all
  ChatError error;            // `message` is empty when all went well; type "connection_error" = from this side
  double first_token_s = 0;   // from sending to the first text, thought or call; 0 = none
  double total_s = 0;
  std::vector<double> token_gaps_s;  // between such chunks
  bool cut = false;                  // the connection broke, timed out, or the stream ended without [DONE]
  ChatUsage usage;
  bool ok() const { return status == 200 && !cut && error.message.empty(); }
};

struct HttpReply {
  int status = 0;  // 0 = no answer; `body` says why
  std::string body;
};

/// Keeps one connection alive and opens a new one when it broke. Not thread-safe: one per thread.
/// `timeout` bounds one whole call; nothing here throws for what the network or the server does.
class OpenAiClient {
 public:
  OpenAiClient(const ServerUrl& server, std::chrono::milliseconds timeout = std::chrono::minutes(5));
  OpenAiClient(const std::string& host, int port, std::chrono::milliseconds timeout = std::chrono::minutes(5))
      : OpenAiClient(ServerUrl{host, port}, timeout) {}
  ~OpenAiClient();
  OpenAiClient(OpenAiClient&&) noexcept;
  OpenAiClient& operator=(OpenAiClient&&) noexcept;

  ChatReply chat(const std::vector<Message>& messages, const ChatOptions& options = {});
  HttpReply get(const std::string& path);                            // from the root, e.g. /health or /v1/models
  HttpReply post(const std::string& path, const std::string& json);  // likewise, e.g. /v1/feedback

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clawrl
