#include "prompt/reply_calls.hpp"

#include <algorithm>

namespace clawrl {
namespace {

class PlainReader final : public CallReader {
 public:
  explicit PlainReader(ReplyOutput& output) : CallReader(output, false) {}

 private:
  bool step() override {
    outside_pending(pending_.size());
    return false;
  }
  void begin_text() override {}
};

}  // namespace

std::size_t may_begin(std::string_view text, std::string_view tag) {
  for (std::size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n)
    if (text.ends_with(tag.substr(0, n))) return n;
  return 0;
}

std::unique_ptr<CallReader> CallReader::make(ToolFormat format, ReplyOutput& output, bool eager) {
  switch (format) {
    case ToolFormat::hermes:
      return make_hermes_reader(output, eager);
    case ToolFormat::llama_json:
      return make_llama_reader(output, eager);
    case ToolFormat::mistral:
      return make_mistral_reader(output, eager);
    case ToolFormat::none:
      break;
  }
  return std::make_unique<PlainReader>(output);
}

void CallReader::push(std::string_view piece) {
  pending_ += piece;
  while (step()) continue;
}

void CallReader::finish(bool cut) {
  if (!raw_.empty() && !ends_whole()) {
    // Half a call after a whole one is not shown when the length cut it: the finish reason tells.
    const bool shown = !(cut && output_.has_calls());
    if (cut && output_.has_calls()) output_.cut_inside_call();
    give_up(shown);
  }
  raw_.clear();  // of a list that ends behind a call: its comma
  outside_pending(pending_.size());
}

char CallReader::take() {
  const char byte = pending_.front();
  pending_.erase(0, 1);
  raw_ += byte;
  return byte;
}

void CallReader::outside(std::string_view text) {
  if (output_.has_calls())
    output_.unshown(text);
  else
    output_.text(text);
}

void CallReader::outside_pending(std::size_t bytes) {
  outside(std::string_view(pending_).substr(0, bytes));
  pending_.erase(0, bytes);
}

JsonScanner::State CallReader::read_object() {
  auto state = JsonScanner::State::open;
  std::size_t used = 0;
  while (used < pending_.size() && state == JsonScanner::State::open) {
    state = call_->push(pending_[used]);
    if (state != JsonScanner::State::bad) ++used;
  }
  raw_ += pending_.substr(0, used);
  pending_.erase(0, used);
  if (eager_) stream();
  return state;
}

void CallReader::stream() {
  if (!call_->named()) return;
  const std::string fresh = call_->new_arguments();
  if (fresh.empty()) return;
  if (!begun_) output_.call(call_->name());
  begun_ = true;
  output_.arguments(fresh);
}

void CallReader::commit() {
  if (!begun_) {
    output_.call(call_->name());
    output_.arguments(call_->arguments());
  }
  begun_ = false;
  call_.reset();
  raw_.clear();
}

void CallReader::give_up(bool shown) {
  if (begun_)
    output_.cut_inside_call();
  else if (shown)
    output_.text(raw_);
  else
    outside(raw_);
  begun_ = false;
  call_.reset();
  raw_.clear();
  begin_text();
}

}  // namespace clawrl
