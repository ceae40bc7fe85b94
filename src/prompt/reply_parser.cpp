#include "prompt/reply_parser.hpp"

#include <algorithm>

#include "prompt/reply_calls.hpp"

namespace clawrl {
namespace {

constexpr std::string_view open_think = "<think>", close_think = "</think>", line_close_think = "\n</think>";

}  // namespace

ReplyParser::ReplyParser(const ReplyParserSettings& settings)
    : opened_(settings.prompt_opens_think),
      at_(settings.format.reasoning ? At::start : At::answer),
      output_(std::make_unique<ReplyOutput>(settings.turn)),
      calls_(CallReader::make(settings.tools_given ? settings.format.tools : ToolFormat::none, *output_,
                              settings.calls_are_certain)) {}
ReplyParser::~ReplyParser() = default;
ReplyParser::ReplyParser(ReplyParser&&) noexcept = default;
ReplyParser& ReplyParser::operator=(ReplyParser&&) noexcept = default;

std::vector<ReplyEvent> ReplyParser::push(std::string_view piece) {
  if (at_ == At::answer && held_.empty()) {
    calls_->push(piece);
  } else {
    held_ += piece;
    advance();
  }
  return output_->take();
}

void ReplyParser::advance() {
  if (at_ == At::start && !start()) return;
  if (at_ == At::thoughts && !thoughts()) return;
  if (at_ == At::newlines) {
    held_.erase(0, std::min(held_.find_first_not_of('\n'), held_.size()));
    if (held_.empty()) return;
    at_ = At::answer;
  }
  calls_->push(held_);
  held_.clear();
}

/// Does the reply open a block? A block that the prompt opened may be opened again.
bool ReplyParser::start() {
  const std::size_t begin = std::min(held_.find_first_not_of(" \t\r\n"), held_.size());
  const std::string_view rest = std::string_view(held_).substr(begin);
  if (rest.size() < open_think.size() && open_think.starts_with(rest)) return false;
  const bool opens = rest.starts_with(open_think);
  if (opens) held_.erase(0, begin + open_think.size());
  at_ = opens || opened_ ? At::thoughts : At::answer;
  skip_newlines_ = true;
  return true;
}

bool ReplyParser::thoughts() {
  if (skip_newlines_) held_.erase(0, std::min(held_.find_first_not_of('\n'), held_.size()));
  if (held_.empty()) return false;
  skip_newlines_ = false;
  const std::size_t at = held_.find(close_think);
  if (at == std::string::npos) {
    const std::size_t held = std::max(may_begin(held_, line_close_think), may_begin(held_, close_think));
    output_->reasoning(std::string_view(held_).substr(0, held_.size() - held));
    held_.erase(0, held_.size() - held);
    return false;
  }
  const std::size_t end = at > 0 && held_[at - 1] == '\n' ? at - 1 : at;
  output_->reasoning(std::string_view(held_).substr(0, end));
  held_.erase(0, at + close_think.size());
  at_ = At::newlines;
  return true;
}

ReplyParser::End ReplyParser::finish(FinishReason reason) {
  const bool cut = reason == FinishReason::length;
  if (thinking())
    output_->reasoning(held_);
  else if (at_ == At::start)
    calls_->push(held_);
  held_.clear();
  calls_->finish(cut);
  const bool called = output_->has_calls() && !(cut && output_->was_cut_inside_call());
  return {output_->take(), called ? "tool_calls" : cut ? "length" : "stop"};
}

std::size_t ReplyParser::undecided() const {
  return held_.size() + calls_->undecided();
}

ParsedReply parse_reply(std::string_view text, FinishReason reason, const ReplyParserSettings& settings) {
  ReplyParser parser(settings);
  parser.push(text);
  const std::string finish_reason = parser.finish(reason).finish_reason;
  return {parser.message(), parser.unshown_text(), finish_reason};
}

}  // namespace clawrl
