#pragma once
// One chat request while it is answered: feeds the service's events to the connection, streamed or in one piece.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "frontend/http_settings.hpp"
#include "frontend/openai_json.hpp"
#include "frontend/reply_queue.hpp"

namespace clawrl {

/// What an exchange needs of its connection. All calls on the connection's strand.
class ReplyTransport {
 public:
  virtual bool writing() const = 0;  // bytes are on their way; pump() is called again when they are out
  virtual void reply(int status, const std::string& json) = 0;  // a whole reply
  virtual void open_stream() = 0;                               // the head of an event stream
  virtual void stream(const std::string& events, bool last) = 0;
  virtual void cut(const std::string& reason) = 0;  // logs and closes at once

 protected:
  ~ReplyTransport() = default;
};

/// Not thread-safe: lives on the connection's strand; only its queue is shared with the service's threads.
class ChatExchange {
 public:
  ChatExchange(ParsedChat parsed, ChatService& service, const HttpSettings& settings, ReplyTransport& transport,
               std::function<void()> wake);
  ~ChatExchange();  // an unfinished reply is cancelled
  ChatExchange(const ChatExchange&) = delete;
  ChatExchange& operator=(const ChatExchange&) = delete;

  void begin();  // hands the request to the service; call once
  void pump();   // sends what is queued, unless bytes are still on their way
  /// Opens the stream, or feeds it an empty chunk after a silence. Returns when it wants to be called again.
  std::chrono::steady_clock::time_point tick();
  void fail(const ChatError& error);  // ends the reply from the server's side
  bool streamed() const { return parsed_.request.stream; }

 private:
  using Clock = std::chrono::steady_clock;
  void pump_stream(ReplyQueue::Batch batch);
  void pump_whole(ReplyQueue::Batch batch);
  std::string events_of(const ReplyDelta& delta) const;
  void send(const std::string& events, bool last);

  ParsedChat parsed_;  // messages are moved out by begin()
  ChatService& service_;
  const HttpSettings& settings_;
  ReplyTransport& transport_;
  std::shared_ptr<ReplyQueue> queue_;
  const std::string id_;
  const std::int64_t created_;  // Unix seconds
  const std::string model_;
  const ChunkWriter writer_;
  std::uint64_t ticket_ = 0;
  Message reply_;  // one that is not streamed
  bool open_ = false;
  bool ended_ = false;
  Clock::time_point quiet_since_ = Clock::now();
};

}  // namespace clawrl
