// {"name": "f", "parameters": {...}}; {"name": "g", "parameters": {...}}     perhaps after <|python_tag|>

#include <algorithm>
#include <array>

#include "prompt/reply_calls.hpp"

namespace clawrl {
namespace {

constexpr std::string_view tag = "<|python_tag|>";
constexpr std::string_view white = " \t\r\n";

/// A call's object begins with one of these; other objects are answers and are shown as they come.
bool begins_call(std::string_view key) {
  constexpr std::array<std::string_view, 5> keys{"name", "parameters", "arguments", "type", "id"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

class LlamaReader final : public CallReader {
 public:
  LlamaReader(ReplyOutput& output, bool eager) : CallReader(output, eager) {}

 private:
  enum class At { text, tagged, object, other };

  bool step() override {
    if (pending_.empty()) return false;
    switch (at_) {
      case At::text:
        return text();
      case At::tagged:
        return tagged();
      case At::object:
        return object();
      case At::other:
        break;
    }
    return other();
  }

  bool text() {
    const std::size_t brace = pending_.find('{'), tagged = pending_.find(tag);
    if (brace == std::string::npos && tagged == std::string::npos) {
      outside_pending(pending_.size() - may_begin(pending_, tag));
      return false;
    }
    outside_pending(std::min(brace, tagged));
    if (tagged < brace) {
      raw_ = tag;
      pending_.erase(0, tag.size());
      at_ = At::tagged;
    } else {
      begin_object();
    }
    return true;
  }

  bool tagged() {
    if (pending_.front() == '{')
      begin_object();
    else if (white.find(pending_.front()) != std::string_view::npos)
      take();
    else
      give_up(true);
    return true;
  }

  bool object() {
    const JsonScanner::State state = read_object();
    if (state == JsonScanner::State::whole) {
      commit();
      begin_text();
    } else if (state == JsonScanner::State::bad) {
      rest_ = JsonScanner();
      for (const char byte : raw_.substr(object_begin_)) rest_.push(byte);
      give_up(object_begin_ > 0 || begins_call(call_->first_key()));
      at_ = At::other;
    }
    return true;
  }

  /// The rest of an object that is no call: nothing inside it is one either.
  bool other() {
    std::size_t used = 0;
    while (used < pending_.size() && at_ == At::other) {
      const JsonScanner::State state = rest_.push(pending_[used]);
      if (state != JsonScanner::State::bad) ++used;
      if (state != JsonScanner::State::open) begin_text();
    }
    outside_pending(used);
    return true;
  }

  void begin_object() {
    object_begin_ = raw_.size();
    call_.emplace(std::vector<std::string_view>{"arguments", "parameters"}, begins_call);
    at_ = At::object;
  }
  void begin_text() override { at_ = At::text; }

  At at_ = At::text;
  std::size_t object_begin_ = 0;  // in raw_, behind a tag
  JsonScanner rest_;
};

}  // namespace

std::unique_ptr<CallReader> make_llama_reader(ReplyOutput& output, bool eager) {
  return std::make_unique<LlamaReader>(output, eager);
}

}  // namespace clawrl
