#pragma once
// The client's side of the OpenAI chat format: our structs to a request's JSON, and a reply's JSON to our structs.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/openai_client.hpp"
#include "frontend/sse.hpp"

namespace clawrl {

/// Throws UserError when ChatOptions::tools or ::fields is not JSON.
std::string request_body(const std::vector<Message>& messages, const ChatOptions& options);

double seconds_since(std::chrono::steady_clock::time_point begin);
void broken(ChatReply& reply, const std::string& why);

/// Feeds a stream's events into the reply, with the clock.
class ReplyReader {
 public:
  ReplyReader(ChatReply& reply, std::chrono::steady_clock::time_point begin) : reply_(reply), begin_(begin) {}
  void feed(std::string_view bytes);
  bool done() const { return done_; }  // [DONE] came

 private:
  void event(const std::string& data);

  ChatReply& reply_;
  const std::chrono::steady_clock::time_point begin_;
  SseParser parser_;
  double last_ = 0;
  bool done_ = false;
};

/// A reply that came in one piece; `reply.status` is set.
void read_whole_reply(const std::string& body, std::chrono::steady_clock::time_point begin, ChatReply& reply);

}  // namespace clawrl
