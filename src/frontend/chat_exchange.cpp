#include "frontend/chat_exchange.hpp"

#include "core/error.hpp"

namespace clawrl {
namespace {

std::int64_t unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void add(Message& reply, const ReplyDelta& delta) {
  if (delta.kind == ReplyDelta::Kind::text) reply.text += delta.text;
  if (delta.kind == ReplyDelta::Kind::reasoning) reply.reasoning += delta.text;
  if (delta.kind != ReplyDelta::Kind::call) return;
  const auto index = static_cast<std::size_t>(delta.call.index);
  if (reply.tool_calls.size() <= index) reply.tool_calls.resize(index + 1);
  ToolCall& call = reply.tool_calls[index];
  call.id += delta.call.id;
  call.name += delta.call.name;
  call.arguments += delta.call.arguments;
}

}  // namespace

ChatExchange::ChatExchange(ParsedChat parsed, ChatService& service, const HttpSettings& settings,
                           ReplyTransport& transport, std::function<void()> wake)
    : parsed_(std::move(parsed)),
      service_(service),
      settings_(settings),
      transport_(transport),
      queue_(std::make_shared<ReplyQueue>(settings.max_queued_bytes, std::move(wake))),
      id_(new_completion_id()),
      created_(unix_seconds()),
      model_(parsed_.request.model),
      writer_(id_, created_, model_) {}

ChatExchange::~ChatExchange() {
  queue_->close();
  if (!ended_ && ticket_ != 0) service_.cancel(ticket_);
}

void ChatExchange::begin() {
  const bool streamed = parsed_.request.stream;
  parsed_.request.completion_id = id_;
  try {
    ticket_ = service_.start(std::move(parsed_.request), queue_);
  } catch (const UserError& problem) {
    queue_->on_error({400, "invalid_request_error", "", "", problem.what()});
  } catch (const std::exception& problem) {
    queue_->on_error({500, "server_error", "", "", problem.what()});
  }
  parsed_.request.stream = streamed;
  pump();
}

void ChatExchange::pump() {
  if (ended_) return;
  if (transport_.writing() && !queue_->overflowed()) return;
  ReplyQueue::Batch batch = queue_->take();
  if (batch.empty()) return;
  if (batch.overflow)  // destroys this exchange
    return transport_.cut("slow reader, more than " + std::to_string(settings_.max_queued_bytes) +
                          " bytes waited (http.max_queued_mb)");
  if (streamed())
    pump_stream(std::move(batch));
  else
    pump_whole(std::move(batch));
}

void ChatExchange::pump_stream(ReplyQueue::Batch batch) {
  if (batch.error && !open_ && batch.deltas.empty()) {
    ended_ = true;
    return transport_.reply(batch.error->status, format_error(*batch.error));
  }
  std::string events;
  for (const ReplyDelta& delta : batch.deltas) events += events_of(delta);
  if (batch.finish) events += writer_.finish(batch.finish->first, batch.finish->second, parsed_.include_usage);
  if (batch.error) events += ChunkWriter::error(*batch.error);
  send(events, batch.finish || batch.error);
}

std::string ChatExchange::events_of(const ReplyDelta& delta) const {
  switch (delta.kind) {
    case ReplyDelta::Kind::text:
      return writer_.text(delta.text);
    case ReplyDelta::Kind::reasoning:
      return writer_.reasoning(delta.text);
    case ReplyDelta::Kind::call:
      break;
  }
  return writer_.tool_call(delta.call);
}

void ChatExchange::pump_whole(ReplyQueue::Batch batch) {
  for (const ReplyDelta& delta : batch.deltas) add(reply_, delta);
  if (!batch.finish && !batch.error) return;
  ended_ = true;
  if (batch.error) return transport_.reply(batch.error->status, format_error(*batch.error));
  const auto& [reason, usage] = *batch.finish;
  transport_.reply(200, format_completion(id_, created_, model_, reply_, reason, usage));
}

void ChatExchange::send(const std::string& events, bool last) {
  std::string first;
  if (!open_) {
    open_ = true;
    transport_.open_stream();
    first = writer_.role();
  }
  ended_ = last;
  quiet_since_ = Clock::now();
  transport_.stream(first + events, last);
}

ChatExchange::Clock::time_point ChatExchange::tick() {
  if (!ended_ && !transport_.writing()) {
    if (!open_)
      send("", false);
    else if (Clock::now() - quiet_since_ >= settings_.keepalive_interval)
      send(writer_.text(""), false);
  }
  const auto next = quiet_since_ + settings_.keepalive_interval;
  return next > Clock::now() ? next : Clock::now() + settings_.keepalive_interval;  // bytes are on their way
}

void ChatExchange::fail(const ChatError& error) {
  if (ended_) return;
  if (ticket_ != 0) service_.cancel(ticket_);
  ReplyQueue::Batch batch = queue_->take();
  queue_->close();
  batch.finish.reset();
  batch.error = error;
  if (streamed())
    pump_stream(std::move(batch));
  else
    pump_whole(std::move(batch));
}

}  // namespace clawrl
