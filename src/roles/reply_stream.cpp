#include "roles/reply_stream.hpp"

#include <algorithm>

namespace clawrl {
namespace {

ReplyFormat used(const ReplyParserSettings& settings) {
  return {settings.tools_given ? settings.format.tools : ToolFormat::none, settings.format.reasoning};
}

}  // namespace

ReplyStream::ReplyStream(const Tokenizer& tokenizer, const ReplyParserSettings& settings,
                         std::vector<TokenId> stop_tokens, std::vector<std::string> stop_text)
    : tokenizer_(tokenizer),
      stop_tokens_(std::move(stop_tokens)),
      markers_(marker_tokens(tokenizer, used(settings))),
      detokenizer_(tokenizer, false),
      parser_(settings),
      stop_text_(std::move(stop_text)),
      shown_(settings.turn) {}

bool ReplyStream::hidden(TokenId id) const {
  if (std::find(stop_tokens_.begin(), stop_tokens_.end(), id) != stop_tokens_.end()) return true;
  return tokenizer_.is_special(id) && !std::binary_search(markers_.begin(), markers_.end(), id);
}

std::vector<ReplyEvent> ReplyStream::push(TokenId id) {
  if (stopped() || hidden(id)) return {};
  const std::string text = detokenizer_.push(id);
  raw_ += text;
  const bool thinking = parser_.thinking();
  show(parser_.push(text));
  reasoning_tokens_ += thinking || parser_.thinking();
  return shown_.take();
}

std::vector<ReplyEvent> ReplyStream::finish(FinishReason reason) {
  if (!stopped()) {
    const std::string text = detokenizer_.flush();
    raw_ += text;
    show(parser_.push(text));
  }
  const ReplyParser::End end = parser_.finish(stopped() ? FinishReason::stop : reason);
  finish_reason_ = end.finish_reason;
  if (!stopped()) {
    show(end.events);
    if (stopped() && finish_reason_ == "length") finish_reason_ = "stop";
    shown_.text(stop_text_.flush());
  }
  return shown_.take();
}

void ReplyStream::show(const std::vector<ReplyEvent>& events) {
  for (const ReplyEvent& event : events) {
    if (event.kind == ReplyEvent::Kind::text) {
      show_text(event.text);
      if (stopped()) return;
      continue;
    }
    shown_.text(stop_text_.flush());  // no stop text goes on across thoughts or calls
    behind_stop_ = 0;
    if (event.kind == ReplyEvent::Kind::reasoning) shown_.reasoning(event.text);
    if (event.kind == ReplyEvent::Kind::call) shown_.call(event.name);
    if (event.kind == ReplyEvent::Kind::arguments) shown_.arguments(event.text);
  }
}

void ReplyStream::show_text(const std::string& text) {
  const std::string certain = stop_text_.push(text);
  shown_.text(certain);
  behind_stop_ += text.size() - certain.size();
  if (stopped()) raw_.resize(raw_.size() - std::min(raw_.size(), parser_.undecided() + behind_stop_));
}

}  // namespace clawrl
