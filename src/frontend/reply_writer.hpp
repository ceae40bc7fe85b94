#pragma once
// Replies in the words of an endpoint: the events of a stream, or one body.

#include <memory>
#include <string>
#include <vector>

#include "core/message.hpp"
#include "frontend/reply_queue.hpp"

namespace clawrl {

/// What every reply of a response says of itself.
struct ReplyHead {
  std::string id;            // "chatcmpl-...", "cmpl-..."
  std::int64_t created = 0;  // Unix seconds
  std::string model;
};

/// A reply that is not streamed.
struct WholeReply {
  Message message;
  std::vector<TokenLogprob> logprobs;
  std::string finish_reason;
  void add(const ReplyDelta& delta);
};

/// One per response, each event ready to be sent ("data: {...}\n\n"). Not thread-safe.
class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;
  virtual std::string opening(int choice) = 0;       // the first chunk of a reply
  virtual std::string event(const ReplyDelta&) = 0;  // finish: the chunk with finish_reason
  virtual std::string nothing(int choice) = 0;       // an empty chunk, which feeds clients' watchdogs
  /// After the last finish: [DONE], and before it usage in a chunk of its own with empty choices if the client asked
  /// for it (include_usage). Otherwise usage stands on the last finish chunk, where no client trips over it.
  virtual std::string end(const ReplyDelta& last, const ChatUsage& usage, bool include_usage) = 0;
  virtual std::string whole(const std::vector<WholeReply>& replies, const ChatUsage& usage) = 0;
};

/// `with_logprobs`: what the client asked for; how many alternatives is with the tokens.
std::unique_ptr<ReplyWriter> chat_writer(const ReplyHead& head, bool with_logprobs);
std::unique_ptr<ReplyWriter> completion_writer(const ReplyHead& head, bool with_logprobs);

std::string error_event(const ChatError& error);  // and [DONE]

}  // namespace clawrl
