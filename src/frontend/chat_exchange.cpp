#include "frontend/chat_exchange.hpp"

#include <algorithm>
#include <cstdio>

#include "core/error.hpp"

namespace clawrl {
namespace {

/// A stream waits so long for word on what is made of the request, which only its headers can say.
constexpr std::chrono::milliseconds most_patience{500};

std::int64_t unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

/// A header carries visible ASCII: other bytes go as %XX.
std::string header_text(const std::string& text) {
  std::string safe;
  for (const unsigned char c : text) {
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02X", c);
    if (c > 0x20 && c < 0x7f && c != '%')
      safe += static_cast<char>(c);
    else
      safe += escaped;
  }
  return safe;
}

int replies_of(const ParsedChat& parsed) {
  return parsed.request.n * static_cast<int>(std::max<std::size_t>(1, parsed.prompts.size()));
}

std::unique_ptr<ReplyWriter> writer_of(const ParsedChat& parsed, const std::string& id) {
  const ReplyHead head{id, unix_seconds(), parsed.request.model};
  return parsed.prompts.empty() ? chat_writer(head, parsed.request.logprobs)
                                : completion_writer(head, parsed.request.logprobs);
}

}  // namespace

ChatExchange::ChatExchange(ParsedChat parsed, ChatService& service, const HttpSettings& settings,
                           ReplyTransport& transport, std::function<void()> wake)
    : parsed_(std::move(parsed)),
      service_(service),
      settings_(settings),
      transport_(transport),
      queue_(std::make_shared<ReplyQueue>(settings.max_queued_bytes, std::move(wake), replies_of(parsed_),
                                          parsed_.request.n)),
      id_(new_completion_id(parsed_.prompts.empty() ? "chatcmpl" : "cmpl")),
      writer_(writer_of(parsed_, id_)),
      replies_(static_cast<std::size_t>(replies_of(parsed_))),
      finished_(replies_.size()) {}

ChatExchange::~ChatExchange() {
  queue_->close();
  if (!ended_) cancel();
}

void ChatExchange::cancel() {
  for (const std::uint64_t ticket : tickets_) service_.cancel(ticket);
}

void ChatExchange::begin() {
  transport_.set_header("X-Request-Id", id_);
  try {
    if (parsed_.prompts.empty()) start(nullptr, 0);
    for (std::size_t i = 0; i < parsed_.prompts.size(); ++i)
      start(&parsed_.prompts[i], static_cast<int>(i) * parsed_.request.n);
  } catch (const UserError& problem) {
    queue_->sink()->on_error({400, "invalid_request_error", "", "", problem.what()});
  } catch (const std::exception& problem) {
    queue_->sink()->on_error({500, "server_error", "", "", problem.what()});
  }
  parsed_.request.messages = {};
  parsed_.request.tools = {};
  parsed_.prompts = {};
  pump();
}

void ChatExchange::start(const PlainPrompt* prompt, int first) {
  ChatRequest request = prompt ? parsed_.request : std::move(parsed_.request);
  if (prompt) {
    request.plain = *prompt;
  } else {  // what is still asked of it here
    parsed_.request.stream = request.stream;
    parsed_.request.learning = request.learning;
  }
  request.completion_id = first == 0 ? id_ : id_ + "/" + std::to_string(first);
  tickets_.push_back(service_.start(std::move(request), queue_->sink(first)));
}

void ChatExchange::tell(const Acceptance& acceptance) {
  if (told_) return;
  told_ = true;
  transport_.set_header("X-Clawrl-Learning", name(acceptance.learning));
  if (!acceptance.session.empty()) transport_.set_header("X-Clawrl-Session", header_text(acceptance.session));
}

void ChatExchange::pump() {
  if (ended_) return;
  if (transport_.writing() && !queue_->overflowed()) return;
  ReplyQueue::Batch batch = queue_->take();
  if (batch.empty()) return;
  if (batch.overflow)  // destroys this exchange
    return transport_.cut("slow reader, more than " + std::to_string(settings_.max_queued_bytes) +
                          " bytes waited (http.max_queued_mb)");
  if (batch.error) cancel();  // the other replies
  if (batch.accepted) tell(*batch.accepted);
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
  const bool last = batch.finish || batch.error;
  std::string events = events_of(batch);
  if (batch.error) events += error_event(*batch.error);
  if (!events.empty() || (grace_over_ && !open_)) send(events, last);
}

std::string ChatExchange::events_of(const ReplyQueue::Batch& batch) {
  std::string events;
  for (const ReplyDelta& delta : batch.deltas) {
    if (delta.kind == ReplyDelta::Kind::finish) finished_[static_cast<std::size_t>(delta.choice)] = true;
    const bool last = batch.finish && &delta == &batch.deltas.back();
    events += last ? writer_->end(delta, *batch.finish, parsed_.include_usage) : writer_->event(delta);
  }
  return events;
}

void ChatExchange::pump_whole(ReplyQueue::Batch batch) {
  for (const ReplyDelta& delta : batch.deltas) replies_[static_cast<std::size_t>(delta.choice)].add(delta);
  if (!batch.finish && !batch.error) return;
  ended_ = true;
  if (batch.error) return transport_.reply(batch.error->status, format_error(*batch.error));
  transport_.reply(200, writer_->whole(replies_, *batch.finish));
}

void ChatExchange::send(const std::string& events, bool last) {
  std::string first;
  if (!open_) {
    open_ = true;
    tell({"", parsed_.request.learning});  // unless the service has
    transport_.open_stream();
    for (std::size_t i = 0; i < replies_.size(); ++i) first += writer_->opening(static_cast<int>(i));
  }
  ended_ = last;
  quiet_since_ = Clock::now();
  transport_.stream(first + events, last);
}

ChatExchange::Clock::time_point ChatExchange::tick() {
  grace_over_ = true;
  if (!open_ && !told_ && Clock::now() < began_ + most_patience) return began_ + most_patience;
  if (!ended_ && !transport_.writing()) {
    const auto waiting = std::find(finished_.begin(), finished_.end(), false) - finished_.begin();
    if (!open_)
      send("", false);
    else if (Clock::now() - quiet_since_ >= settings_.keepalive_interval)
      send(writer_->nothing(static_cast<int>(waiting)), false);
  }
  const auto next = quiet_since_ + settings_.keepalive_interval;
  return next > Clock::now() ? next : Clock::now() + settings_.keepalive_interval;  // bytes are on their way
}

void ChatExchange::fail(const ChatError& error) {
  if (ended_) return;
  cancel();
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
