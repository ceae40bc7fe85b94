#pragma once
// One request for replies while it is answered: feeds the service's events to the connection, streamed or in one piece.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "frontend/http_settings.hpp"
#include "frontend/openai_json.hpp"
#include "frontend/reply_queue.hpp"
#include "frontend/reply_writer.hpp"

namespace clawrl {

/// What an exchange needs of its connection. All calls on the connection's strand.
class ReplyTransport {
 public:
  virtual void set_header(const std::string& name, const std::string& value) = 0;  // of the reply that begins next
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
  void start(const PlainPrompt* prompt, int first);
  void cancel();
  void tell(const Acceptance& acceptance);
  void pump_stream(ReplyQueue::Batch batch);
  void pump_whole(ReplyQueue::Batch batch);
  std::string events_of(const ReplyQueue::Batch& batch);
  void send(const std::string& events, bool last);

  ParsedChat parsed_;
  ChatService& service_;
  const HttpSettings& settings_;
  ReplyTransport& transport_;
  std::shared_ptr<ReplyQueue> queue_;
  const std::string id_;
  const std::unique_ptr<ReplyWriter> writer_;
  std::vector<std::uint64_t> tickets_;
  std::vector<WholeReply> replies_;  // how many are awaited; filled only when they are not streamed
  std::vector<bool> finished_;
  bool told_ = false;  // the headers say what was made of the request
  bool grace_over_ = false;
  bool open_ = false;
  bool ended_ = false;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point quiet_since_ = began_;
};

}  // namespace clawrl
